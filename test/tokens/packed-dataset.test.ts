import fc from 'fast-check';
import { ArrayDataset, DataLoader } from 'millrace';
import { ConfigError, IndexRangeError } from 'millrace/errors';
import { sampleContext } from 'millrace/random';
import { PackedDataset, type TokenSequence } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../loader/collect.js';

/** Document d holds the tokens 1000·d + 1, 1000·d + 2, … */
const documentsOf = (lengths: readonly number[]) =>
  new ArrayDataset(lengths.map((length, d) => Int32Array.from({ length }, (_, k) => 1000 * d + k + 1)));

const cases = fc.record({
  lengths: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60 }),
  rowLength: fc.integer({ min: 1, max: 20 }),
  seed: fc.nat(100),
  epoch: fc.nat(3),
});

const rowOf = (packed: PackedDataset, row: number, epoch: number) =>
  packed.get(row, sampleContext(row, { epoch })) as TokenSequence;

describe('PackedDataset', () => {
  it('holds every token of every document once an epoch, whole where it fits, with its positions', () => {
    fc.assert(
      fc.property(cases, ({ lengths, rowLength, seed, epoch }) => {
        const packed = new PackedDataset(documentsOf(lengths), { rowLength, lengths, seed, padToken: -7 });
        const seen: number[] = [];
        for (let row = 0; row < packed.length; row++) {
          const { inputIds: tokens, documentIds, positionIds } = rowOf(packed, row, epoch);
          const pieces = packed.piecesOf(row, epoch);
          const expected = pieces.flatMap(({ document, start, length }, place) =>
            Array.from({ length }, (_, k) => [1000 * document + start + k + 1, place, k]),
          );
          seen.push(...expected.map(([token]) => token!));
          while (expected.length < rowLength) expected.push([-7, -1, 0]);
          expect(
            [...tokens.data].map((token, k) => [token, documentIds.data[k], positionIds.data[k]]),
          ).toEqual(expected);
          for (const { document, length } of pieces)
            if (lengths[document]! <= rowLength) expect(length).toBe(lengths[document]);
        }
        const all = lengths.flatMap((length, d) => Array.from({ length }, (_, k) => 1000 * d + k + 1));
        expect(seen.sort((a, b) => a - b)).toEqual(all);
        expect(packed.tokenCount).toBe(all.length);
      }),
    );
  });

  it('says which rows hold a document', () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ lengths, rowLength, seed, epoch }, pick) => {
        const packed = new PackedDataset(documentsOf(lengths), { rowLength, lengths, seed });
        const document = pick % lengths.length;
        const rows = Array.from({ length: packed.length }, (_, row) => row);
        expect(packed.indicesOf({ document }, epoch)).toEqual(
          rows.filter((row) => packed.piecesOf(row, epoch).some((piece) => piece.document === document)),
        );
      }),
    );
  });

  it('packs documents with others each epoch, unless it must not', () => {
    const lengths = Array.from({ length: 200 }, (_, d) => 3 + (d % 5));
    const make = (shuffle: boolean) =>
      new PackedDataset(documentsOf(lengths), { rowLength: 16, lengths, shuffle });
    const rows = (packed: PackedDataset, epoch: number) =>
      Array.from({ length: packed.length }, (_, row) => packed.piecesOf(row, epoch));
    expect(rows(make(false), 1)).toEqual(rows(make(false), 0));
    expect(rows(make(true), 1)).not.toEqual(rows(make(true), 0));
    expect(rows(make(true), 1)).toEqual(rows(make(true), 1));
    expect(make(true).fill).toBeGreaterThan(0.9);
  });

  it('gives the same batches in workers as without, fused or not', async () => {
    const lengths = [5, 9, 2, 2, 30, 1, 8, 4];
    const make = () => new PackedDataset(documentsOf(lengths), { rowLength: 10, lengths, seed: 3 });
    const here = await batchesOf(new DataLoader(make(), { batchSize: 3, shuffle: true }));
    const single = new DataLoader(make(), { batchSize: 3, shuffle: true, transform: (row) => row });
    expect(await batchesOf(single)).toEqual(here);
    const there = new DataLoader(make(), { batchSize: 3, shuffle: true, numWorkers: 1 });
    expect(await batchesOf(there)).toEqual(here);
    expect(here[0]!.inputIds.shape).toEqual([3, 10]);
    await there.close();
  });

  it('takes documents that come later, of 64-bit tokens, and reads parts of them alone', async () => {
    const read: unknown[] = [];
    const documents = {
      length: 2,
      sizes: [7, 2],
      get: async (index: number) =>
        BigInt64Array.from({ length: [7, 2][index]! }, (_, k) => BigInt(10 * index + k)),
      read(index: number, offset: number, length: number) {
        read.push([index, offset, length]);
        return Array.from({ length }, (_, k) => 10 * index + offset + k);
      },
    };
    const packed = new PackedDataset(documents, { rowLength: 5 });
    const rows = await batchesOf(new DataLoader(packed, { batchSize: 1 }));
    expect(rows.map(({ inputIds }) => [...inputIds.data])).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 10, 11, 0],
    ]);
    // The first part ends with the label of its last token.
    expect(read).toEqual([
      [0, 0, 6],
      [0, 5, 2],
    ]);
  });

  it('names what is wrong', async () => {
    const documents = documentsOf([2, 3]);
    const make = (options: object) => () => new PackedDataset(documents, options as never);
    expect(make({ rowLength: 4 })).toThrow('lengths: is missing');
    expect(make({ rowLength: 4, lengths: [2] })).toThrow('has 1 numbers for 2 documents');
    expect(make({ rowLength: 4, lengths: [2, -1] })).toThrow('lengths.1: must be a whole number');
    expect(make({ rowLength: 0, lengths: [2, 3] })).toThrow(ConfigError);
    const packed = new PackedDataset(documents, { rowLength: 4, lengths: [2, 2] });
    const loader = new DataLoader(packed, { batchSize: packed.length });
    await expect(batchesOf(loader)).rejects.toThrow('Document 1 has 3 tokens, its length was given as 2');
    expect(() => packed.piecesOf(packed.length)).toThrow(IndexRangeError);
    expect(() => packed.indicesOf({ document: 2 }, 0)).toThrow(IndexRangeError);
  });
});
