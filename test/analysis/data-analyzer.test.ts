import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset, ConfigError, MillraceError, ShapeError, StorageError, tensor } from 'millrace';
import { DataAnalyzer, type DataAnalyzerOptions, splitIndex } from 'millrace/analysis';
import { IndexedDataset } from 'millrace/formats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
  scalar: (ids: readonly number[]) => ids,
  mapping: (ids: readonly number[]) => ({ id: ids, again: ids }),
  mapping_with_index: (ids: readonly number[], n: number) => ({
    index: tensor(
      Int32Array.from(ids, (id) => n - 1 - id),
      [ids.length, 1],
    ),
    id: ids,
  }),
  pair: (ids: readonly number[]) => [ids, ids],
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
function optionsOf(recorded: AnalyzerCase, savePath: string): DataAnalyzerOptions {
  return {
    metricNames: recorded.metrics.map(({ name }) => name),
    metricTypes: recorded.metrics.map(({ type }) => type as 'single_value_per_sample'),
    metricDtypes: recorded.metrics.map(({ dtype }) => dtype as 'int64'),
    metricFunctions: recorded.metrics.map(({ name, type, width = 0 }) => {
      const values = valuesOf(recorded.values[name]!, recorded.n);
      const measured = (batch: never): number[] => idsOf(batch).map((id) => values[id]!);
      if (type === 'single_value_per_sample') return measured;
      const positive = (value: number, divisor: number): number => ((value % divisor) + divisor) % divisor;
      return (batch: never) =>
        Array.from({ length: width }, (_, k) =>
          measured(batch).reduce((sum, value) => sum + positive(value, k + 2), 0),
        );
    }),
    numWorkers: recorded.num_workers,
    numThreads: recorded.num_threads,
    numThreadsReduce: recorded.num_threads_reduce,
    batchSize: recorded.batch_size,
    collateFn: (ids: readonly number[]) => wrappers[recorded.dataset](ids, recorded.n),
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

  it.each(cases.filter(({ error }) => error))('refuses what DeepSpeed fails on: $name', async (recorded) => {
    const run = new DataAnalyzer(numbers(recorded.n), optionsOf(recorded, folder)).runMapReduce();
    await expect(run).rejects.toThrow(MillraceError);
  });
});

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

  it('counts samples, not fields, unless asked for parity', async () => {
    const recorded = cases.find(({ name }) => name === 'a40_pair')!;
    await new DataAnalyzer(numbers(recorded.n), {
      ...optionsOf(recorded, folder),
      numWorkers: 1,
      parity: false,
    }).runMapReduce();
    const rows = IndexedDataset.openSync(join(folder, 'seqlen', 'seqlen_index_to_sample'));
    const ids = Array.from(rows.readTokens(0, rows.tokenCount) as Uint8Array);
    rows.close();
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: recorded.n }, (_, i) => i));
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

describe('splitIndex', () => {
  const table = <T>(name: string): T[] =>
    (indexed.cases as unknown as { name: string; table: T[] }[]).find((recorded) => recorded.name === name)!
      .table;
  type Ranges = [number, number][];

  it('cuts as DeepSpeed does', () => {
    for (const [start, end, parts, ranges] of table<[number, number, number, Ranges]>('split_index')) {
      expect(splitIndex(start, end, parts)).toEqual(ranges);
    }
    for (const [n, workers, worker, threads, [all, own]] of table<
      [number, number, number, number, [Ranges, Ranges]]
    >('split_dataset')) {
      const ranges = splitIndex(0, n, workers);
      expect(ranges).toEqual(all);
      expect(splitIndex(...ranges[worker]!, threads)).toEqual(own);
    }
  });

  it('has the boundaries of numpy.linspace in integers', () => {
    const recorded = numpy.cases.filter(({ kind }) => kind === 'linspace_int');
    expect(recorded.length).toBeGreaterThan(0);
    for (const { start, end, num, values } of recorded as unknown as {
      start: number;
      end: number;
      num: number;
      values: number[];
    }[]) {
      expect([start, ...splitIndex(start, end, num - 1).map(([, bound]) => bound)]).toEqual(values);
    }
  });
});
