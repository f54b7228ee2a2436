import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset, MillraceError, type Tensor, tensor } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import { DataAnalyzer } from 'millrace/deepspeed';
import { IndexedDataset } from 'millrace/formats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isTensor } from '../../dist/core/tensor.js';
import type { DataAnalyzerOptions } from '../../dist/deepspeed/data-analyzer-options.js';
import { isLong } from '../setup/search-size.js';
import {
  type Case,
  type Contents,
  engineOptions,
  filesIn,
  type Metric,
  modulo,
  plainCases,
  valuesOf,
} from './analyzer-case.js';
import { type FileDigest, sha256 } from './digest.js';
import { testEveryCase } from './golden-file.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-analyzer-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const int64 = (value: number, shape: number[]): Tensor<'int64'> =>
  tensor(BigInt64Array.of(BigInt(value)), shape);

/** Sample i holds the int64 scalar i: bare, in a mapping or in a pair. */
function datasetOf({ n, dataset }: Case): ArrayDataset<unknown> {
  const sample = {
    scalar: (i: number) => int64(i, []),
    mapping: (i: number) => ({ x: int64(i, []), y: int64(i, []) }),
    mapping_with_index: (i: number) => ({ x: int64(i, []), index: int64(n - 1 - i, [1]) }),
    pair: (i: number) => [int64(i, []), int64(i, [])],
  }[dataset];
  return new ArrayDataset(Array.from({ length: n }, (_, i) => sample(i)));
}

function idsOf(batch: unknown): number[] {
  const ids = isTensor(batch) ? batch : Array.isArray(batch) ? batch[0] : (batch as { x: Tensor }).x;
  return Array.from((ids as Tensor<'int64'>).data, Number);
}

function measure(golden: Case, metric: Metric): (batch: never) => number[] {
  const values = valuesOf(golden, metric);
  const measured = (batch: never): number[] => idsOf(batch).map((id) => values[id]!);
  if (metric.type === 'single_value_per_sample') return measured;
  return (batch) =>
    Array.from({ length: metric.width! }, (_, k) =>
      measured(batch).reduce((sum, value) => sum + modulo(value, k + 2), 0),
    );
}

async function analyze(golden: Case, savePath: string): Promise<void> {
  const options: DataAnalyzerOptions = {
    metricNames: golden.metrics.map(({ name }) => name),
    metricTypes: golden.metrics.map(({ type }) => type),
    metricDtypes: golden.metrics.map(({ dtype }) => dtype as 'int64'),
    metricFunctions: golden.metrics.map((metric) => measure(golden, metric)),
    numWorkers: golden.num_workers,
    numThreads: golden.num_threads,
    numThreadsReduce: golden.num_threads_reduce,
    batchSize: golden.batch_size,
    ...(golden.sample_indices && { sampleIndices: golden.sample_indices }),
    docIndex: golden.distributed ? 'plain' : 'merged',
    savePath,
    parity: true,
  };
  for (let workerId = 0; workerId < golden.num_workers; workerId++) {
    await new DataAnalyzer(datasetOf(golden), { ...options, workerId }).runMap();
  }
  await new DataAnalyzer(datasetOf(golden), options).runReduce();
}

/** Many `.csv` files are recorded as one digest over their paths and digests. */
function summarized(files: Record<string, FileDigest>): Record<string, unknown> {
  const csvs = Object.keys(files)
    .filter((path) => path.endsWith('.csv'))
    .sort();
  const rest = Object.fromEntries(Object.entries(files).filter(([path]) => !path.endsWith('.csv')));
  const text = csvs.map((path) => path + files[path]!.sha256).join('');
  return { ...rest, csv_digest: { count: csvs.length, sha256: sha256(text) } };
}

function checkContents(prefix: string, { dtype, rows, doc_idx, values }: Contents): void {
  const set = IndexedDataset.openSync(prefix);
  expect([set.dtype, set.length, [...set.documentIndex]]).toEqual([dtype, rows, doc_idx]);
  const own = Array.from({ length: set.length }, (_, i) => Array.from(set.get(i).data as Int32Array, Number));
  if (values) expect(own).toEqual(values.map((row) => [row].flat()));
  set.close();
}

testEveryCase<Case>('analyzer.json', 15, async (golden) => {
  const savePath = join(folder, golden.name);
  if (golden.error) {
    await expect(analyze(golden, savePath)).rejects.toThrow(MillraceError);
    return;
  }
  await analyze(golden, savePath);
  const files = filesIn(savePath);
  const isFinal = ([path]: [string, unknown]) => path in golden.final;
  expect(Object.fromEntries(Object.entries(files).filter(isFinal))).toEqual(golden.final);
  const others = Object.fromEntries(Object.entries(files).filter((entry) => !isFinal(entry)));
  expect(golden.map_files.csv_digest ? summarized(others) : others).toEqual(golden.map_files);
  for (const [path, contents] of Object.entries(golden.contents)) {
    checkContents(join(savePath, path), contents);
  }
});

it.each(isLong ? [0, 1, 2, 3] : [0, 2])(
  'analyzeDifficulty writes the same files with %d threads',
  async (numWorkers) => {
    expect(plainCases().length).toBeGreaterThan(8);
    for (const golden of plainCases()) {
      const outputDir = join(folder, `${golden.name}-${numWorkers}`);
      await analyzeDifficulty(datasetOf(golden), { outputDir, numWorkers, ...engineOptions(golden) });
      const { 'analysis.json': record, ...files } = filesIn(outputDir);
      expect(record).toBeDefined();
      expect(files).toEqual(golden.final);
    }
  },
);
