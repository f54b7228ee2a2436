import fc from 'fast-check';
import { tensor } from 'millrace';
import { describe, expect, it } from 'vitest';
import {
  batchOfSequences,
  fromPaddedTokens,
  predictionsIn,
  tokensIn,
  trimToTokens,
} from '../../../examples/curriculum-gpt/sequence-batch.js';

const sequences = fc.array(
  fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 20 }).map((tokens) => [0, ...tokens]),
  { minLength: 1, maxLength: 6 },
);

describe('sequence batches', () => {
  it('read the lengths off padded tokens of any dtype', () => {
    fc.assert(
      fc.property(sequences, fc.integer({ min: 0, max: 9 }), (all, extra) => {
        const columns = Math.max(...all.map(({ length }) => length)) + extra;
        const padded = all.flatMap((tokens) => [
          ...tokens,
          ...new Array<number>(columns - tokens.length).fill(0),
        ]);
        const shape = [all.length, columns];
        for (const source of [
          tensor(Uint16Array.from(padded), shape),
          tensor(BigInt64Array.from(padded, BigInt), shape),
        ]) {
          const batch = fromPaddedTokens(source);
          expect([...batch.lengths.data]).toEqual(all.map(({ length }) => length));
          expect([...batch.tokens.data]).toEqual(padded);
        }
      }),
    );
  });

  it('count tokens, and one prediction for each token but the first', () => {
    const batch = batchOfSequences([[0, 5, 6], [0], [0, 7]]);
    expect(tokensIn(batch)).toBe(6);
    expect(predictionsIn(batch)).toBe(3);
    expect([...batch.tokens.data]).toEqual([0, 5, 6, 0, 0, 0, 0, 7, 0]);
  });

  it('are trimmed to exactly so many tokens, from the end', () => {
    fc.assert(
      fc.property(sequences, fc.nat(100), (all, limit) => {
        const batch = batchOfSequences(all);
        const trimmed = trimToTokens(batch, limit);
        expect(tokensIn(trimmed)).toBe(Math.min(limit, tokensIn(batch)));
        const cutAt = trimmed.lengths.data.findIndex((length, i) => length < batch.lengths.data[i]!);
        if (cutAt >= 0)
          expect(trimmed.lengths.data.subarray(cutAt + 1).every((length) => length === 0)).toBe(true);
      }),
    );
  });
});
