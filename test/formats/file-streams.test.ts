import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { DataLoader, type IterableDataset } from 'millrace';
import { ConfigError, FormatError } from 'millrace/errors';
import { JsonlDataset, ParquetDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'streams-'));
let folders = 0;

interface Row {
  readonly id: number;
  readonly text: string;
}
const rowsOf = (from: number, count: number): Row[] =>
  Array.from({ length: count }, (_, k) => ({ id: from + k, text: `text ${from + k}` }));

/** Writes files of consecutive rows. */
function files(kind: 'parquet' | 'jsonl', counts: readonly number[], rowGroupSize = 3): string {
  const root = mkdtempSync(join(folder, `${folders++}-`));
  let from = 0;
  for (const [k, count] of counts.entries()) {
    const rows = rowsOf(from, count);
    from += count;
    const name = join(root, `${String(k).padStart(3, '0')}.${kind}`);
    if (kind === 'jsonl') writeFileSync(name, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    else {
      const columnData = [
        { name: 'id', data: rows.map(({ id }) => id), type: 'INT32' as const },
        { name: 'text', data: rows.map(({ text }) => text), type: 'STRING' as const },
      ];
      writeFileSync(name, Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize })));
    }
  }
  return root;
}

const open = (kind: 'parquet' | 'jsonl', root: string): Promise<IterableDataset<Row>> =>
  kind === 'parquet' ? ParquetDataset.stream<Row>(root) : JsonlDataset.stream<Row>(root);

async function idsOf(dataset: IterableDataset<Row>, shard = 0): Promise<number[]> {
  const ids: number[] = [];
  const context = { epoch: 0, seed: 0, shard, numShards: dataset.numShards!, worker: null };
  for await (const { id } of dataset.iterate(context)) ids.push(id);
  return ids;
}

const kinds = ['parquet', 'jsonl'] as const;

describe.each(kinds)('a stream of %s files', (kind) => {
  it('gives each row once, in groups that depend on the files alone', async () => {
    const counts = Array.from({ length: 19 }, (_, k) => k % 4);
    const dataset = await open(kind, files(kind, counts));
    expect(dataset.numShards).toBe(16);
    const groups = await Promise.all(Array.from({ length: 16 }, (_, shard) => idsOf(dataset, shard)));
    const starts = counts.map((_, k) => counts.slice(0, k).reduce((sum, count) => sum + count, 0));
    const idsOfFile = (k: number) => rowsOf(starts[k]!, counts[k]!).map(({ id }) => id);
    expect(groups[2]).toEqual([...idsOfFile(2), ...idsOfFile(18)]);
    expect(groups.flat().sort((a, b) => a - b)).toEqual(
      rowsOf(
        0,
        counts.reduce((a, b) => a + b),
      ).map(({ id }) => id),
    );
  });

  it('continues from any state with the rows that were due, with any number of workers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(8),
        async (counts, batchSize, stop) => {
          const root = files(kind, [...counts, 1]);
          const options = { batchSize, collate: (rows: readonly Row[]) => rows.map(({ id }) => id) };
          const all: number[][] = [];
          for await (const ids of new DataLoader(await open(kind, root), options)) all.push(ids);
          const first = new DataLoader(await open(kind, root), options);
          const seen: number[][] = [];
          if (stop > 0)
            for await (const ids of first) {
              seen.push(ids);
              if (seen.length === stop) break;
            }
          const second = new DataLoader(await open(kind, root), options);
          second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
          for await (const ids of second) seen.push(ids);
          // A state at the end of an epoch continues with the next one.
          expect(seen).toEqual(stop >= all.length && stop > 0 ? [...all, ...all].slice(0, seen.length) : all);
        },
      ),
      { numRuns: 12 },
    );
    const root = files(kind, [5, 9, 2, 7]);
    const options = { batchSize: 2 };
    const batches = async (numWorkers: number) => {
      await using loader = new DataLoader(await open(kind, root), { ...options, numWorkers });
      const ids: number[][] = [];
      for await (const { id } of loader as AsyncIterable<{ id: { data: ArrayLike<number> } }>)
        ids.push(Array.from(id.data));
      return ids;
    };
    expect(await batches(2)).toEqual(await batches(0));
  });

  it('names the file that is damaged when it is due, not before', async () => {
    const root = files(kind, [3, 3, 3]);
    writeFileSync(join(root, `002.${kind}`), 'damaged\n');
    const dataset = await open(kind, root);
    expect(await idsOf(dataset, 1)).toEqual([3, 4, 5]);
    const failure = idsOf(dataset, 2);
    await expect(failure).rejects.toThrow(FormatError);
    await expect(failure).rejects.toThrow(new RegExp(`002\\.${kind}`));
  });

  it('refuses a state of other files', async () => {
    const dataset = await open(kind, files(kind, [3, 3]));
    for (const state of [
      { file: 1, place: 0 },
      { file: 4, place: 0 },
      { file: 0, place: -1 },
    ])
      expect(() =>
        dataset.iterate({ epoch: 0, seed: 0, shard: 0, numShards: 2, worker: null, state }),
      ).toThrow(/state is not one of these files/);
  });
});

describe('a stream of Parquet files', () => {
  it('reads chosen columns of chosen rows', async () => {
    const dataset = await ParquetDataset.stream<Row>(files('parquet', [10, 10]), {
      columns: ['id'],
      where: { id: { gte: 7 }, text: { ne: 'text 12' } },
    });
    expect(await idsOf(dataset, 0)).toEqual([7, 8, 9]);
    expect(await idsOf(dataset, 1)).toEqual([10, 11, 13, 14, 15, 16, 17, 18, 19]);
    await expect(ParquetDataset.stream(files('parquet', [1]), { columns: ['ids'] })).rejects.toThrow(
      ConfigError,
    );
  });

  it('refuses a file with other columns when it is due', async () => {
    const root = files('parquet', [2, 2]);
    const columnData = [{ name: 'id', data: [1n], type: 'INT64' as const }];
    writeFileSync(join(root, '001.parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
    const dataset = await ParquetDataset.stream<Row>(root);
    await expect(idsOf(dataset, 1)).rejects.toThrow(/different columns.*001\.parquet.*id: INT64/s);
  });
});

describe('a stream of JSON Lines', () => {
  const lines = (content: string | Uint8Array, name = 'a.jsonl'): string => {
    const path = join(mkdtempSync(join(folder, 'lines-')), name);
    writeFileSync(path, content);
    return path;
  };
  const valuesOf = async (path: string, options = {}): Promise<unknown[]> => {
    const dataset = await JsonlDataset.stream(path, options);
    const values: unknown[] = [];
    for await (const value of dataset.iterate({ epoch: 0, seed: 0, shard: 0, numShards: 1, worker: null }))
      values.push(value);
    return values;
  };

  it('gives what JsonlDataset.open gives: marks, blank lines, exact numbers, no line feed at the end', async () => {
    const text = '\uFEFF1\r\n\n  \n{"a": NaN}\n12345678901234567890\n"é"';
    const path = lines(text);
    const dataset = await JsonlDataset.open(path);
    const expected = await Promise.all(Array.from({ length: dataset.length }, (_, k) => dataset.get(k)));
    expect(await valuesOf(path)).toEqual(expected);
    expect(expected).toHaveLength(4);
  });

  it('decompresses files as it reads them', async () => {
    const text = rowsOf(0, 1000).map((row) => `${JSON.stringify(row)}\n`);
    const path = lines(gzipSync(text.join('')), 'a.jsonl.gz');
    expect(await valuesOf(path)).toEqual(rowsOf(0, 1000));
    const dataset = await JsonlDataset.stream<Row>(path);
    const place = text.slice(0, 700).join('').length;
    const context = { epoch: 0, seed: 0, shard: 0, numShards: 1, worker: null, state: { file: 0, place } };
    const rest: Row[] = [];
    for await (const row of dataset.iterate(context)) rest.push(row);
    expect(rest).toEqual(rowsOf(700, 300));
  });

  it('says where text is damaged', async () => {
    await expect(valuesOf(lines('{}\n{"a": \n'))).rejects.toThrow(/A line is not JSON.*byte offset 3/s);
    await expect(valuesOf(lines(Buffer.from([0x31, 10, 0x22, 0xff, 0x22, 10])))).rejects.toThrow(
      /not text in UTF-8/,
    );
    await expect(valuesOf(lines(Buffer.from('1\r2\r3\r')))).rejects.toThrow(/carriage returns alone/);
    await expect(valuesOf(lines(Buffer.from('\uFEFF{}\n', 'utf16le')))).rejects.toThrow(/UTF-16/);
    await expect(valuesOf(lines(`"${'x'.repeat(200)}"`), { maxDecompressedBytes: 100 })).rejects.toThrow(
      /A line has more than 100 bytes/,
    );
  });
});
