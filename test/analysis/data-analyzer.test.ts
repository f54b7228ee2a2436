import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset, ConfigError, FormatError, StorageError } from 'millrace';
import { DataAnalyzer, type DataAnalyzerOptions, splitIndex } from 'millrace/analysis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { integerLinspace } from '../../dist/analysis/split-index.js';
import golden from '../golden/analyzer.json' with { type: 'json' };
import indexed from '../golden/indexed.json' with { type: 'json' };
import numpy from '../golden/numpy_rng.json' with { type: 'json' };

type Values = number[] | { rule: { linear_mod: [number, number, number, number] } };

interface AnalyzerCase {
  name: string;
  n: number;
  num_workers: number;
  num_threads: number;
  num_threads_reduce: number;
  batch_size: number;
  dataset: 'scalar' | 'mapping' | 'mapping_with_index' | 'pair';
  distributed?: boolean;
  sample_indices?: number[];
  metrics: { name: string; type: string; dtype: string; width?: number }[];
  values: Record<string, Values>;
  final: Record<string, { bytes: number; sha256: string }>;
  error?: { type: string };
}
const cases = golden.cases as unknown as AnalyzerCase[];

const wrappers = {
  scalar: (ids: number[]) => ids,
  mapping: (ids: number[]) => ({ id: ids, again: ids }),
  mapping_with_index: (ids: number[], n: number) => ({ index: ids.map((id) => [n - 1 - id]), id: ids }),
  pair: (ids: number[]) => [ids, ids],
};
const idsOf = (batch: unknown): number[] => {
  if (!Array.isArray(batch)) return (batch as { id: number[] }).id;
  return Array.isArray(batch[0]) ? batch[0] : batch;
};

function valuesOf(values: Values, n: number): number[] {
  if (Array.isArray(values)) return values;
  const [a, b, m, c] = values.rule.linear_mod;
  return Array.from({ length: n }, (_, i) => ((a * i + b) % m) + c);
}

/** The options that make the recorded analysis. */
function optionsOf(recorded: AnalyzerCase, savePath: string): DataAnalyzerOptions<number, unknown> {
  return {
    metricNames: recorded.metrics.map(({ name }) => name),
    metricTypes: recorded.metrics.map(({ type }) => type as 'single_value_per_sample'),
    metricDtypes: recorded.metrics.map(({ dtype }) => dtype as 'int64'),
    metricFunctions: recorded.metrics.map(({ name, type, width = 0 }) => {
      const values = valuesOf(recorded.values[name]!, recorded.n);
      const measured = (batch: unknown): number[] => idsOf(batch).map((id) => values[id]!);
      if (type === 'single_value_per_sample') return measured;
      const positive = (value: number, divisor: number): number => ((value % divisor) + divisor) % divisor;
      return (batch) =>
        Array.from({ length: width }, (_, k) =>
          measured(batch).reduce((sum, value) => sum + positive(value, k + 2), 0),
        );
    }),
    numWorkers: recorded.num_workers,
    numThreads: recorded.num_threads,
    numThreadsReduce: recorded.num_threads_reduce,
    batchSize: recorded.batch_size,
    collateFn: (ids) => wrappers[recorded.dataset](ids, recorded.n),
    ...(recorded.sample_indices && { sampleIndices: recorded.sample_indices }),
    docIndex: recorded.distributed ? 'plain' : 'merged',
    savePath,
    parity: true,
  };
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-analyzer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const numbers = (length: number) => new ArrayDataset(Array.from({ length }, (_, i) => i));

describe('DataAnalyzer with parity', () => {
  it.each(cases.filter(({ error }) => !error))(
    'writes the files of DeepSpeed byte for byte: $name',
    async (recorded) => {
      const options = optionsOf(recorded, folder);
      for (let workerId = 0; workerId < recorded.num_workers; workerId++) {
        await new DataAnalyzer(numbers(recorded.n), { ...options, workerId }).runMap();
      }
      await new DataAnalyzer(numbers(recorded.n), options).runReduce();
      const written = Object.keys(recorded.final).map((file) => {
        const bytes = readFileSync(join(folder, file));
        return [file, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }];
      });
      expect(Object.fromEntries(written)).toEqual(recorded.final);
    },
  );

  it.each(cases.filter(({ error }) => error))('refuses what DeepSpeed fails on: $name', (recorded) => {
    expect(() => new DataAnalyzer(numbers(recorded.n), optionsOf(recorded, folder))).toThrow(ConfigError);
  });
});

describe('DataAnalyzer', () => {
  const single = (metric: (batch: number[]) => number[]): DataAnalyzerOptions<number, number[]> => ({
    metricNames: ['m'],
    metricFunctions: [metric],
    metricTypes: ['single_value_per_sample'],
    metricDtypes: ['int64'],
    batchSize: 3,
    savePath: folder,
  });

  it('maps and reduces in one call, once the last worker is there', async () => {
    const options = { ...single((batch) => batch.map((id) => id % 3)), numWorkers: 2 };
    await new DataAnalyzer(numbers(10), { ...options, workerId: 0 }).runMapReduce();
    expect(existsSync(join(folder, 'm', 'm_index_to_sample.idx'))).toBe(false);
    await new DataAnalyzer(numbers(10), { ...options, workerId: 1 }).runMapReduce();
    expect(existsSync(join(folder, 'm', 'm_index_to_sample.idx'))).toBe(true);
  });

  it('refuses a reduce before every map is done, naming the missing part', async () => {
    const analyzer = new DataAnalyzer(numbers(10), { ...single((batch) => batch), numWorkers: 2 });
    await analyzer.runMap();
    await expect(analyzer.runReduce()).rejects.toThrow(StorageError);
    await expect(analyzer.runReduce()).rejects.toThrow(/worker1_thread0/);
  });

  it('refuses a metric that does not give a whole number a sample', async () => {
    for (const metric of [
      (batch: number[]) => batch.slice(1),
      (batch: number[]) => batch.map((id) => id + 0.5),
    ]) {
      await expect(new DataAnalyzer(numbers(10), single(metric)).runMap()).rejects.toThrow(FormatError);
    }
  });

  it('refuses lists of different lengths, and more parts than samples', () => {
    const options = single((batch) => batch);
    expect(() => new DataAnalyzer(numbers(10), { ...options, metricDtypes: [] })).toThrow(/metricDtypes/);
    expect(() => new DataAnalyzer(numbers(2), { ...options, numThreads: 3 })).toThrow(/numThreads/);
    expect(() => new DataAnalyzer(numbers(2), { ...options, workerId: 1 })).toThrow(/workerId/);
  });
});

describe('splitIndex', () => {
  const table = <T>(name: string): T[] =>
    (indexed.cases as unknown as { name: string; table: T[] }[]).find((c) => c.name === name)!.table;

  it('cuts as DeepSpeed does', () => {
    for (const [start, end, parts, ranges] of table<[number, number, number, [number, number][]]>(
      'split_index',
    )) {
      expect(splitIndex(start, end, parts).map((range) => [range.start, range.end])).toEqual(ranges);
    }
    for (const [n, workers, worker, threads, [all, own]] of table<
      [number, number, number, number, [[number, number][], [number, number][]]]
    >('split_dataset')) {
      const ranges = splitIndex(0, n, workers);
      expect(ranges.map((range) => [range.start, range.end])).toEqual(all);
      const { start, end } = ranges[worker]!;
      expect(splitIndex(start, end, threads).map((range) => [range.start, range.end])).toEqual(own);
    }
  });

  it('rests on the integers of numpy.linspace', () => {
    const recorded = numpy.cases.filter(({ kind }) => kind === 'linspace_int') as unknown as {
      start: number;
      end: number;
      num: number;
      values: number[];
    }[];
    expect(recorded.length).toBeGreaterThan(0);
    for (const { start, end, num, values } of recorded)
      expect(integerLinspace(start, end, num)).toEqual(values);
  });
});
