import { describe, expect, it } from 'vitest';
import { holdOut } from '../../../examples/curriculum-gpt/validation-set.js';

const sequence = (document: number, length: number) => ({
  document,
  tokens: new Uint16Array(length).fill(document),
});
const options = { documentsPerHeldOut: 5, sequences: 6, batchSize: 4 };

describe('holdOut', () => {
  it('holds out whole documents, and trains on all the others', () => {
    const all = Array.from({ length: 60 }, (_, i) => sequence(Math.floor(i / 3), 3 + (i % 7)));
    const { training, validation } = holdOut(all, options);
    expect(new Set(training.map(({ document }) => document % 5))).toEqual(new Set([0, 1, 2, 3]));
    expect(training).toHaveLength(48);
    const lengths = validation.flatMap((batch) => [...batch.lengths.data]);
    expect(lengths).toHaveLength(6);
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    expect(validation.map(({ tokens }) => tokens.shape[0])).toEqual([4, 2]);
    for (const batch of validation)
      expect(batch.tokens.data.every((token) => token === 0 || token % 5 === 4)).toBe(true);
  });

  it('holds out sequences where there are too few documents', () => {
    const all = Array.from({ length: 20 }, () => sequence(0, 4));
    const { training, validation } = holdOut(all, options);
    expect(training).toHaveLength(16);
    expect(validation.flatMap((batch) => [...batch.lengths.data])).toHaveLength(4);
  });
});
