// Packed rows, windows and joined samples have one shape: what attention kernels and the loss need.
import fc from 'fast-check';
import { ArrayDataset, DataLoader, defaultCollate, tensor } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { sampleContext } from 'millrace/random';
import {
  PackedDataset,
  packCollate,
  type TokenSequence,
  TokenWindowStream,
  TokenWindows,
} from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../loader/collect.js';

/** A sequence as plain values. */
const plain = (sequence: Omit<TokenSequence, symbol>) => ({
  inputIds: [...sequence.inputIds.data],
  labels: [...sequence.labels.data],
  lossMask: [...sequence.lossMask.data],
  positionIds: [...sequence.positionIds.data],
  documentIds: [...sequence.documentIds.data],
  cuSeqlens: [...sequence.cuSeqlens.data],
  maxSeqlen: sequence.maxSeqlen,
});

/** Documents of the tokens 100·d + 1, 100·d + 2, … as a stream that stores their lengths. */
function streamOf(sizes: readonly number[]) {
  const tokens = sizes.flatMap((size, d) => Array.from({ length: size }, (_, k) => 100 * d + k + 1));
  return {
    dtype: 'int32' as const,
    tokenCount: tokens.length,
    sizes,
    readTokens: (start: number, count: number) => Int32Array.from(tokens.slice(start, start + count)),
  };
}

const documents = new ArrayDataset([Int32Array.of(1, 2, 3), Int32Array.of(11, 12), Int32Array.of(21)]);

describe('a token sequence', () => {
  it('has the labels, mask, positions, documents and lengths of a packed row', () => {
    const packed = new PackedDataset(documents, {
      rowLength: 8,
      lengths: [3, 2, 1],
      padToken: 9,
      shuffle: false,
    });
    expect(plain(packed.get(0, sampleContext(0)) as TokenSequence)).toEqual({
      inputIds: [1, 2, 3, 11, 12, 21, 9, 9],
      labels: [2, 3, -100, 12, -100, -100, -100, -100],
      lossMask: [1, 1, 0, 1, 0, 0, 0, 0],
      positionIds: [0, 1, 2, 0, 1, 0, 0, 0],
      documentIds: [0, 0, 0, 1, 1, 2, -1, -1],
      cuSeqlens: [0, 3, 5, 6, 8],
      maxSeqlen: 3,
    });
  });

  it('has labels of the token itself for a model that shifts them, and none that crosses documents', () => {
    const options = { rowLength: 8, lengths: [3, 2, 1], padToken: 9, shuffle: false, shift: false };
    const row = plain(new PackedDataset(documents, options).get(0, sampleContext(0)) as TokenSequence);
    expect(row.labels).toEqual([-100, 2, 3, -100, 12, -100, -100, -100]);
    expect(row.lossMask).toEqual([0, 1, 1, 0, 1, 0, 0, 0]);
  });

  it('holds for windows too: a document that continues has a label for its last token', () => {
    const source = streamOf([3, 6, 4]);
    const windows = new TokenWindows(source, { length: 5, stride: 4, documentEnds: 'stored' });
    expect([0, 1].map((k) => plain(windows.get(k)))).toEqual([
      {
        inputIds: [1, 2, 3, 101, 102],
        labels: [2, 3, -100, 102, 103],
        lossMask: [1, 1, 0, 1, 1],
        positionIds: [0, 1, 2, 0, 1],
        documentIds: [0, 0, 0, 1, 1],
        cuSeqlens: [0, 3, 5],
        maxSeqlen: 3,
      },
      {
        inputIds: [102, 103, 104, 105, 106],
        labels: [103, 104, 105, 106, -100],
        lossMask: [1, 1, 1, 1, 0],
        positionIds: [0, 1, 2, 3, 4],
        documentIds: [0, 0, 0, 0, 0],
        cuSeqlens: [0, 5],
        maxSeqlen: 5,
      },
    ]);
  });

  it('finds documents by the token that ends them, or takes a window for one', () => {
    const source = tensor(Uint16Array.of(5, 6, 0, 7, 8, 9, 0, 4));
    const byToken = new TokenWindows(source, { length: 6, documentEnds: { endToken: 0 } });
    const { labels, documentIds, cuSeqlens } = plain(byToken.get(0));
    expect(labels).toEqual([6, 0, -100, 8, 9, 0]);
    expect(documentIds).toEqual([0, 0, 0, 1, 1, 1]);
    expect(cuSeqlens).toEqual([0, 3, 6]);
    const one = plain(new TokenWindows(source, { length: 6, documentEnds: 'none' }).get(0));
    expect(one.labels).toEqual([6, 0, 7, 8, 9, 0]);
    expect(one.cuSeqlens).toEqual([0, 6]);
  });

  it('is what samples of any length are joined to', () => {
    const joined = packCollate([Int32Array.of(1, 2), [], [7, 8, 9]]);
    expect(plain(joined)).toEqual({
      inputIds: [1, 2, 7, 8, 9],
      labels: [2, -100, 8, 9, -100],
      lossMask: [1, 0, 1, 1, 0],
      positionIds: [0, 1, 0, 1, 2],
      documentIds: [0, 0, 2, 2, 2],
      cuSeqlens: [0, 2, 2, 5],
      maxSeqlen: 3,
    });
  });

  it('collates to what the dataset makes as a batch: lengths accumulate over the rows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        (lengths, rowLength) => {
          const texts = new ArrayDataset(lengths.map((length, d) => new Int32Array(length).fill(d + 1)));
          const packed = new PackedDataset(texts, { rowLength, lengths });
          if (packed.length === 0) return;
          const rows = Array.from({ length: packed.length }, (_, k) => k);
          const samples = rows.map((row) => packed.get(row, sampleContext(row)) as TokenSequence);
          const context = { epoch: 0, seed: 0, worker: null, sample: (k: number) => sampleContext(k) };
          const allocate = (dtype: 'int32', shape: readonly number[]) =>
            tensor(new Int32Array(shape.reduce((a, b) => a * b, 1)), shape, dtype);
          const whole = packed.getBatch(rows, { ...context, allocate } as never) as TokenSequence;
          expect(plain(defaultCollate(samples))).toEqual(plain(whole));
          const { cuSeqlens } = plain(whole);
          expect(cuSeqlens.at(-1)).toBe(packed.length * rowLength);
        },
      ),
    );
  });

  it('is what a stream of windows gives: the same as windows of the stored documents', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 20 }),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom('stored' as const, 'none' as const),
        fc.boolean(),
        async (sizes, length, boundaries, sliced) => {
          const source = streamOf(sizes);
          if (source.tokenCount <= length) return;
          const ofDocuments = new ArrayDataset(
            sizes.map((size, d) => Int32Array.from({ length: size }, (_, k) => 100 * d + k + 1)),
          );
          const sequenceSlice = { style: 'zigzag', rank: 1, worldSize: 2 } as const;
          const options = { length, documentEnds: boundaries, ...(sliced && { sequenceSlice }) };
          const stream = new TokenWindowStream(ofDocuments, { ...options, shuffle: false, numShards: 1 });
          const windows = new TokenWindows(source, options);
          const [streamed, stored] = await Promise.all([
            batchesOf(new DataLoader(stream, { batchSize: 3 })),
            batchesOf(new DataLoader(windows, { batchSize: 3 })),
          ]);
          expect(streamed.map(plain)).toEqual(stored.map(plain));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is the same from workers, and from a loader that makes sample by sample', async () => {
    const windows = () =>
      new TokenWindows(tensor(Int32Array.from({ length: 90 }, (_, k) => k % 7)), {
        length: 6,
        documentEnds: { endToken: 0 },
      });
    const here = await batchesOf(new DataLoader(windows(), { batchSize: 4 }));
    const single = await batchesOf(
      new DataLoader(windows(), { batchSize: 4, transform: (window) => ({ ...window }) }),
    );
    const workers = new DataLoader(windows(), { batchSize: 4, numWorkers: 1 });
    expect(single.map(plain)).toEqual(here.map(plain));
    expect((await batchesOf(workers)).map(plain)).toEqual(here.map(plain));
    await workers.close();
    expect(Object.getOwnPropertySymbols(here[0]!)).toEqual([]);
    expect(here[0]!.inputIds.shape).toEqual([4, 6]);
  });

  it('refuses options that do not go together', () => {
    const make = (options: object) => () =>
      new TokenWindows(tensor(Int32Array.of(1, 2, 3, 4)), { length: 2, ...options } as never);
    expect(make({ shift: true })).toThrow('shift: needs documentEnds');
    expect(make({ documentEnds: 'stored' })).toThrow('does not say how long its documents are');
    expect(make({ documentEnds: 'none', dtype: 'uint8' })).toThrow('windows with documentEnds are int32');
    expect(make({ documentEnds: 'elsewhere' })).toThrow(ConfigError);
  });
});
