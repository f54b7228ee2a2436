import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset } from 'millrace';
import { DataAnalyzer } from 'millrace/deepspeed';
import { ConfigError, FormatError, ShapeError, StorageError } from 'millrace/errors';
import { IndexedDataset } from 'millrace/formats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataAnalyzerOptions } from '../../dist/deepspeed/data-analyzer-options.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-analyzer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const numbers = (length: number) => new ArrayDataset(Array.from({ length }, (_, i) => i));

describe('DataAnalyzer', () => {
  const single = (metric: (batch: number[]) => number[]): DataAnalyzerOptions => ({
    metricNames: ['m'],
    metricFunctions: [metric],
    batchSize: 3,
    collateFn: (samples: readonly number[]) => samples,
    savePath: folder,
  });

  it('gives a metric a batch as PyTorch would collate it, and maps and reduces in one call', async () => {
    const seen: unknown[] = [];
    const metric = (batch: { data: BigInt64Array }): number[] => {
      seen.push(batch);
      return Array.from(batch.data, (id) => Number(id) % 3);
    };
    const analyzer = new DataAnalyzer(numbers(4), {
      ...single(() => []),
      metricFunctions: [metric],
      collateFn: undefined,
    });
    await analyzer.runMapReduce();
    expect(seen[0]).toEqual({ dtype: 'int64', shape: [3], data: BigInt64Array.of(0n, 1n, 2n) });
    expect(existsSync(join(folder, 'm', 'm_index_to_sample.idx'))).toBe(true);
  });

  it.each([
    ['a plain array', (values: readonly number[]) => [...values]],
    ['a Float64Array', (values: readonly number[]) => Float64Array.from(values)],
    ['a Float32Array', (values: readonly number[]) => Float32Array.from(values)],
  ])('refuses fractions that are announced as whole numbers, in %s', async (_, make) => {
    const run = (values: readonly number[]) =>
      new DataAnalyzer(numbers(4), {
        ...single(() => []),
        metricFunctions: [(batch: readonly number[]) => make(batch.map((sample) => values[sample]!))],
      }).runMapReduce();
    await expect(run([0, 0.25, 0.5, 1])).rejects.toThrow(ConfigError);
    await expect(run([0, 1, 2, 1e-9])).rejects.toThrow(/metricDtypes: is int64 for m/);
  });

  it('fails with parity where ids run past sampleIndices, as DeepSpeed does', async () => {
    const options = {
      ...single(() => []),
      metricFunctions: [firstOfPair],
      collateFn: undefined,
      batchSize: 1,
    };
    const three = new ArrayDataset([0, 1, 2].map((i) => [i, i]));
    const analyze = (parity: boolean) =>
      new DataAnalyzer(three, { ...options, parity, sampleIndices: [8, 3, 5] }).runMapReduce();
    await expect(analyze(true)).rejects.toMatchObject({
      code: 'ERR_MILLRACE_PARITY',
      where: { original: 'IndexError' },
    });
    await analyze(false);
    expect(idsOf('index_to_sample')).toEqual([3, 5, 8]);
  });

  const pairs = new ArrayDataset(Array.from({ length: 40 }, (_, i) => [i, i]));
  const idsOf = (name: string) => {
    const rows = IndexedDataset.openSync(join(folder, 'm', `m_${name}`));
    const ids = Array.from(rows.readTokens(0, rows.tokenCount) as Uint8Array, Number);
    rows.close();
    return ids.sort((a, b) => a - b);
  };
  const firstOfPair = ([first]: { data: BigInt64Array }[]): number[] =>
    Array.from(first!.data, (id) => Number(id) % 7);

  it('counts samples, not fields; with parity fields, as DeepSpeed does', async () => {
    const options = { ...single(() => []), metricFunctions: [firstOfPair], collateFn: undefined };
    await new DataAnalyzer(pairs, options).runMapReduce();
    expect(idsOf('index_to_sample')).toEqual(Array.from({ length: 40 }, (_, i) => i));
    // Batches of three samples with two fields each: the ids go on by two.
    await new DataAnalyzer(pairs, { ...options, parity: true }).runMapReduce();
    const drawnOn = Array.from({ length: 40 }, (_, i) => 2 * Math.floor(i / 3) + (i % 3));
    expect(idsOf('index_to_sample')).toEqual(drawnOn.sort((a, b) => a - b));
  });

  it('refuses parts without samples with parity, where DeepSpeed fails, and copes with them without', async () => {
    const options = { ...single((batch) => batch), numThreads: 9 };
    await new DataAnalyzer(numbers(4), options).runMapReduce();
    expect(idsOf('index_to_sample')).toEqual([0, 1, 2, 3]);
    const original = new DataAnalyzer(numbers(4), { ...options, parity: true }).runMapReduce();
    await expect(original).rejects.toMatchObject({ where: { original: 'KeyError' } });
    const reduce = { ...single((batch) => batch), numThreadsReduce: 5, parity: true };
    const tooMany = new DataAnalyzer(numbers(4), reduce).runMapReduce();
    await expect(tooMany).rejects.toMatchObject({ where: { original: 'AssertionError' } });
  });

  it('with parity reduces what DeepSpeed mapped, and names the file of ids that is damaged', async () => {
    const analyzer = new DataAnalyzer(numbers(9), {
      ...single((batch) => batch.map((i) => i % 2)),
      parity: true,
    });
    await analyzer.runMap();
    const file = join(folder, 'm', 'worker0_thread0', 'm_metric_to_sample_1.csv');
    expect(readFileSync(file, 'latin1')).toBe('1,3,5,7\r\n');
    writeFileSync(file, '7,5\r\n3,1\r\n');
    await analyzer.runReduce();
    const rows = IndexedDataset.openSync(join(folder, 'm', 'm_index_to_sample'));
    expect([...rows.get(1).data]).toEqual([7, 5, 3, 1]);
    rows.close();
    writeFileSync(file, '7,five\r\n');
    await expect(analyzer.runReduce()).rejects.toThrow(FormatError);
    await expect(analyzer.runReduce()).rejects.toThrow(/m_metric_to_sample_1\.csv/);
  });

  it('with parity begins a new row of ids after a batch that leaves more than a hundred', async () => {
    const options = {
      ...single((batch) => batch.map((i) => (i < 201 ? 0 : 1))),
      batchSize: 100,
      parity: true,
    };
    await new DataAnalyzer(numbers(402), options).runMap();
    const rowsOf = (value: number) =>
      readFileSync(join(folder, 'm', 'worker0_thread0', `m_metric_to_sample_${value}.csv`), 'latin1')
        .split('\r\n')
        .filter(Boolean)
        .map((row) => row.split(',').length);
    // Value 0: a hundred are not enough, two hundred are; then one is left. Value 1: 99, and a hundred more.
    expect(rowsOf(0)).toEqual([200, 1]);
    expect(rowsOf(1)).toEqual([199, 2]);
  });

  it.each([
    [99, 99],
    [198, 198],
    [200, 100],
    [399, 133],
  ])('merges %d values into %d percentile items', async (values, items) => {
    await new DataAnalyzer(numbers(values), { ...single((batch) => batch), batchSize: 50 }).runMapReduce();
    const merged = IndexedDataset.openSync(join(folder, 'm', 'm_index_to_sample_percentile_merged'));
    expect(merged.length).toBe(items);
    merged.close();
  });

  it('refuses a reduce before every map is done, naming the missing part', async () => {
    const analyzer = new DataAnalyzer(numbers(10), { ...single((batch) => batch), numWorkers: 2 });
    await analyzer.runMap();
    await expect(analyzer.runReduce()).rejects.toThrow(StorageError);
    await expect(analyzer.runReduce()).rejects.toThrow(/worker1_thread0/);
  });

  it('refuses a metric that does not give a value a sample', async () => {
    const analyzer = new DataAnalyzer(
      numbers(10),
      single((batch) => batch.slice(1)),
    );
    await expect(analyzer.runMap()).rejects.toThrow(ShapeError);
  });

  it('refuses lists of different lengths, and parts that do not exist', () => {
    const options = single((batch) => batch);
    expect(() => new DataAnalyzer(numbers(10), { ...options, metricDtypes: [] })).toThrow(ConfigError);
    expect(() => new DataAnalyzer(numbers(10), { ...options, metricDtypes: [] })).toThrow(/metricDtypes/);
    expect(() => new DataAnalyzer(numbers(2), { ...options, workerId: 1 })).toThrow(/workerId/);
  });
});
