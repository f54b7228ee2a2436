// Context-parallel ranks get parts of every sequence: joined, they are the sequence, and each is read alone.
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ArrayDataset, DataLoader, type Tensor } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { IndexedDataset, IndexedDatasetBuilder } from 'millrace/formats';
import { sampleContext } from 'millrace/random';
import { PackedDataset, type SequenceSlice, type TokenSequence, TokenWindows } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../loader/collect.js';

const styles = ['contiguous', 'zigzag'] as const;
const fields = ['inputIds', 'labels', 'lossMask', 'positionIds', 'documentIds'] as const;
const ignored = { inputIds: 0, labels: -100, lossMask: 0, positionIds: 0, documentIds: -1 };

/** Documents of the tokens 100·d + 1, 100·d + 2, … end to end, which count what is read. */
function streamOf(sizes: readonly number[]) {
  const tokens = sizes.flatMap((size, d) => Array.from({ length: size }, (_, k) => 100 * d + k + 1));
  const reads: [start: number, count: number][] = [];
  return {
    dtype: 'int32' as const,
    tokenCount: tokens.length,
    sizes,
    reads,
    readTokens(start: number, count: number) {
      reads.push([start, count]);
      return Int32Array.from(tokens.slice(start, start + count));
    },
  };
}

/** The positions that a rank has, by the definition of the styles. */
function positionsOf(padded: number, { style, rank, worldSize }: SequenceSlice): number[] {
  const all = Array.from({ length: padded }, (_, k) => k);
  const part = padded / (2 * worldSize);
  return all.filter((k) => {
    const of = Math.floor(k / part);
    return style === 'contiguous'
      ? Math.floor(of / 2) === rank
      : of === rank || of === 2 * worldSize - 1 - rank;
  });
}

/** Checks that the slices of all ranks, each put where it belongs, are the whole sequence and its padding. */
function expectJoined(
  whole: TokenSequence,
  slices: readonly TokenSequence[],
  style: SequenceSlice['style'],
): void {
  const worldSize = slices.length;
  const length = whole.inputIds.data.length;
  const padded = Math.ceil(length / (2 * worldSize)) * 2 * worldSize;
  const joined: Record<string, number[]> = {};
  const expected: Record<string, number[]> = {};
  for (const field of fields) {
    const values = new Array<number>(padded);
    for (const [rank, slice] of slices.entries()) {
      const positions = positionsOf(padded, { style, rank, worldSize });
      if (slice[field].data.length !== positions.length) throw new Error(`Rank ${rank} has a wrong length`);
      positions.forEach((position, k) => {
        values[position] = slice[field].data[k]!;
      });
    }
    const padding = new Array<number>(padded - length).fill(ignored[field]);
    joined[field] = values;
    expected[field] = [...whole[field].data, ...padding];
  }
  expect(joined).toEqual(expected);
  expect(slices.map(({ cuSeqlens }) => [...cuSeqlens.data])).toEqual(slices.map(segmentsOf));
  expect(slices.map(({ maxSeqlen }) => maxSeqlen)).toEqual(slices.map(longestOf));
}

/** Where a slice divides by definition: where the document or the run of positions changes, padding apart. */
function segmentsOf({
  documentIds: { data: documents },
  positionIds: { data: positions },
}: TokenSequence): number[] {
  const starts: number[] = [];
  for (let k = 0; k < documents.length; k++) {
    const isSame = k > 0 && documents[k] === documents[k - 1];
    const goesOn = isSame && (documents[k] === -1 || positions[k] === positions[k - 1]! + 1);
    if (!goesOn) starts.push(k);
  }
  return [...starts, documents.length];
}

function longestOf(slice: TokenSequence): number {
  const ends = segmentsOf(slice);
  return Math.max(...ends.slice(1).map((end, k) => end - ends[k]!));
}

const layouts = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 3, maxLength: 12 }),
  worldSize: fc.integer({ min: 1, max: 8 }),
  style: fc.constantFrom(...styles),
  length: fc.integer({ min: 1, max: 40 }),
});

describe('sequenceSlice', () => {
  it('cuts windows so that the slices of all ranks together are the window', () => {
    fc.assert(
      fc.property(layouts, fc.constantFrom('stored', 'none'), (given, documentEnds) => {
        const { sizes, worldSize, style } = given;
        const source = streamOf(sizes);
        const length = Math.min(given.length, source.tokenCount - 1);
        const windows = new TokenWindows(source, { length, documentEnds });
        const ofRank = Array.from(
          { length: worldSize },
          (_, rank) =>
            new TokenWindows(source, { length, documentEnds, sequenceSlice: { style, rank, worldSize } }),
        );
        for (let k = 0; k < windows.length; k++)
          expectJoined(
            windows.get(k),
            ofRank.map((part) => part.get(k)),
            style,
          );
        expect(new Set([windows, ...ofRank].map((part) => part.fingerprint())).size).toBe(1);
      }),
      { numRuns: 40 },
    );
  });

  it('cuts packed rows so that the slices of all ranks together are the row', () => {
    fc.assert(
      fc.property(layouts, fc.nat(2), ({ sizes, worldSize, style, length: rowLength }, epoch) => {
        const documents = new ArrayDataset(
          sizes.map((size, d) => Int32Array.from({ length: size }, (_, k) => 100 * d + k + 1)),
        );
        const make = (sequenceSlice?: SequenceSlice) =>
          new PackedDataset(documents, {
            rowLength,
            lengths: sizes,
            ...(sequenceSlice && { sequenceSlice }),
          });
        const whole = make();
        const ofRank = Array.from({ length: worldSize }, (_, rank) => make({ style, rank, worldSize }));
        const rowOf = (packed: PackedDataset, row: number) =>
          packed.get(row, sampleContext(row, { epoch })) as TokenSequence;
        for (let row = 0; row < whole.length; row++)
          expectJoined(
            rowOf(whole, row),
            ofRank.map((part) => rowOf(part, row)),
            style,
          );
      }),
      { numRuns: 40 },
    );
  });

  // ms-swift#10035, #9977: weights and masks a token are not cut as labels are.
  it('cuts every field of the length of a sequence alike', () => {
    const tokens = Int32Array.from({ length: 13 }, (_, k) => k);
    const documents = new ArrayDataset([
      {
        inputIds: tokens,
        labels: tokens.map((k) => (k < 4 ? -100 : k)),
        lossWeights: Float32Array.from(tokens),
        kind: tokens,
      },
    ]);
    for (const style of styles)
      for (const rank of [0, 1]) {
        const sequenceSlice = { style, rank, worldSize: 2 } as const;
        const packed = new PackedDataset(documents, { rowLength: 16, lengths: [13], sequenceSlice });
        const row = packed.get(0, sampleContext(0)) as TokenSequence & Record<'lossWeights' | 'kind', Tensor>;
        const positions = positionsOf(16, sequenceSlice).filter((k) => k < 13);
        const cut = (values: ArrayLike<number | bigint>) => Array.from(values).slice(0, positions.length);
        expect(cut(row.kind.data)).toEqual(positions);
        expect(cut(row.labels.data)).toEqual(positions.map((k) => (k < 3 || k === 12 ? -100 : k + 1)));
        expect(cut(row.lossWeights.data)).toEqual(positions.map((k) => (k === 12 ? 0 : k + 1)));
      }
  });

  // transformers#36607: labels that are shifted after the cut lose one at each cut.
  it('has at each cut the label of the token that another rank has', () => {
    const source = streamOf([9]);
    const labels = [0, 1].map((rank) => {
      const sequenceSlice = { style: 'zigzag', rank, worldSize: 2 } as const;
      return [
        ...new TokenWindows(source, { length: 8, documentEnds: 'stored', sequenceSlice }).get(0).labels.data,
      ];
    });
    expect(labels).toEqual([
      [2, 3, 8, 9],
      [4, 5, 6, 7],
    ]);
    const packed = (rank: number) =>
      new PackedDataset(new ArrayDataset([Int32Array.from({ length: 8 }, (_, k) => k)]), {
        rowLength: 8,
        lengths: [8],
        sequenceSlice: { style: 'zigzag', rank, worldSize: 2 },
      }).get(0, sampleContext(0)) as TokenSequence;
    expect([...packed(0).labels.data]).toEqual([1, 2, 7, -100]);
    expect([...packed(1).labels.data]).toEqual([3, 4, 5, 6]);
  });

  // EasyContext#47: 2,999 tokens gave ranks of 750, 750, 750 and 749.
  it('pads a length that does not divide, and marks the padding', () => {
    const source = streamOf([3000]);
    const slices = [0, 1, 2, 3].map((rank) =>
      new TokenWindows(source, {
        length: 2999,
        documentEnds: 'none',
        sequenceSlice: { style: 'contiguous', rank, worldSize: 4 },
      }).get(0),
    );
    expect(slices.map(({ inputIds }) => inputIds.shape)).toEqual(new Array(4).fill([750]));
    const last = slices[3]!;
    expect([last.labels, last.lossMask, last.documentIds].map(({ data }) => data[749])).toEqual([
      -100, 0, -1,
    ]);
    expect([...last.cuSeqlens.data]).toEqual([0, 749, 750]);
  });

  it('reads a rank its part of the window alone, and the token after each piece', () => {
    const source = streamOf([500, 500]);
    const sequenceSlice = { style: 'zigzag', rank: 1, worldSize: 4 } as const;
    const windows = new TokenWindows(source, { length: 800, documentEnds: 'stored', sequenceSlice });
    source.reads.length = 0;
    windows.get(0);
    expect(source.reads).toEqual([
      [100, 101],
      [600, 101],
    ]);
  });

  it('reads of a file at most its share and a page', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-slice-'));
    const builder = new IndexedDatasetBuilder(join(folder, 'tokens'), { dtype: 'uint16' });
    for (let document = 0; document < 50; document++) builder.addItem(new Uint16Array(2_000).fill(document));
    builder.finalize();
    const { readSync } = fs;
    let read = 0;
    try {
      const tokens = await IndexedDataset.open(join(folder, 'tokens'));
      fs.readSync = ((...args: Parameters<typeof readSync>) => {
        const bytes = readSync(...args);
        read += bytes;
        return bytes;
      }) as typeof readSync;
      syncBuiltinESMExports();
      for (const dataset of [
        (sequenceSlice: SequenceSlice) =>
          new TokenWindows(tokens, { length: 8_000, documentEnds: 'stored', sequenceSlice }),
        (sequenceSlice: SequenceSlice) => new PackedDataset(tokens, { rowLength: 8_000, sequenceSlice }),
      ]) {
        for (const style of styles) {
          read = 0;
          const sliced = dataset({ style, rank: 2, worldSize: 4 }) as PackedDataset;
          for await (const { lossMask } of new DataLoader(sliced, { batchSize: 3, shuffle: true }))
            expect(lossMask.shape[1]).toBe(2_000);
          expect(read).toBeGreaterThan(40_000);
          expect(read).toBeLessThanOrEqual(200_000 / 4 + 4_096);
        }
      }
      tokens.close();
    } finally {
      fs.readSync = readSync;
      syncBuiltinESMExports();
      rmSync(folder, { recursive: true });
    }
  });

  it('reads parts of the documents of a packed row, where they can be read', () => {
    const reads: unknown[] = [];
    const documents = {
      length: 2,
      sizes: [6, 2],
      get: (): never => {
        throw new Error('read in parts');
      },
      read(index: number, offset: number, length: number) {
        reads.push([index, offset, length]);
        return Array.from({ length }, (_, k) => 10 * index + offset + k);
      },
    };
    const sequenceSlice = { style: 'contiguous', rank: 0, worldSize: 2 } as const;
    const packed = new PackedDataset(documents, { rowLength: 8, sequenceSlice });
    const { inputIds, labels } = packed.get(0, sampleContext(0)) as TokenSequence;
    expect([...inputIds.data]).toEqual([0, 1, 2, 3]);
    expect([...labels.data]).toEqual([1, 2, 3, 4]);
    expect(reads).toEqual([[0, 0, 5]]);
  });

  it('is the same from workers and as a batch made at once', async () => {
    const tensorOf = (): Tensor<'int32'> => ({
      dtype: 'int32',
      shape: [101],
      data: Int32Array.from({ length: 101 }, (_, k) => k),
    });
    const windows = () =>
      new TokenWindows(tensorOf(), {
        length: 10,
        documentEnds: 'none',
        sequenceSlice: { style: 'zigzag', rank: 0, worldSize: 3 },
      });
    const here = await batchesOf(new DataLoader(windows(), { batchSize: 2, shuffle: true }));
    const single = await batchesOf(
      new DataLoader(windows(), { batchSize: 2, shuffle: true, transform: (window) => ({ ...window }) }),
    );
    const there = new DataLoader(windows(), { batchSize: 2, shuffle: true, numWorkers: 1 });
    expect(single).toEqual(here);
    expect(await batchesOf(there)).toEqual(here);
    await there.close();
  });

  it('refuses what would lose labels or read too much', () => {
    const source = streamOf([9, 9]);
    const make = (options: object) => () => new TokenWindows(source, { length: 8, ...options } as never);
    const sequenceSlice = { style: 'zigzag', rank: 0, worldSize: 2 };
    expect(make({ sequenceSlice })).toThrow('sequenceSlice: needs documentEnds');
    expect(make({ sequenceSlice, documentEnds: { endToken: 3 } })).toThrow(
      'a rank would have to read all of a window',
    );
    expect(make({ sequenceSlice, documentEnds: 'none', shift: false })).toThrow('lose one at each cut');
    expect(make({ sequenceSlice: { ...sequenceSlice, rank: 2 }, documentEnds: 'none' })).toThrow(
      'sequenceSlice.rank: is 2, but must be below worldSize, which is 2',
    );
    expect(make({ sequenceSlice: { ...sequenceSlice, style: 'striped' }, documentEnds: 'none' })).toThrow(
      ConfigError,
    );
  });
});
