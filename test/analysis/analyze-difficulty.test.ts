import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ArrayDataset, MapDataset, tensor, workerFunction } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import { ConfigError, SampleError, WorkerExitError, WorkerTransferError } from 'millrace/errors';
import { IndexedDataset } from 'millrace/formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnalysisProgress } from '../../dist/analysis/analyze-difficulty-options.js';

let folder: string;
let runs = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-difficulty-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const nextFolder = () => join(folder, String(runs++));

const sentences = [[1, 1, 2], [3], [1, 2, 3, 4], [1], [1, 1]];
const dataset = new ArrayDataset(sentences.map((tokens) => Uint16Array.from(tokens)));

function rowsOf(prefix: string): number[][] {
  const rows = IndexedDataset.openSync(prefix);
  const read = Array.from({ length: rows.length }, (_, i) =>
    Array.from(rows.get(i).data as ArrayLike<number>, Number),
  );
  rows.close();
  return read;
}

const allFiles = (output: string, metric: string): Buffer[] =>
  ['sample_to_metric', 'index_to_metric', 'index_to_sample', 'index_to_sample_percentile_merged'].flatMap(
    (file) =>
      ['.bin', '.idx'].map((ending) => readFileSync(join(output, metric, `${metric}_${file}${ending}`))),
  );

describe('analyzeDifficulty', () => {
  it('measures length and rarity, and writes the index', async () => {
    const outputDir = nextFolder();
    const { metrics } = await analyzeDifficulty(dataset, { outputDir, numWorkers: 0 });
    expect(rowsOf(join(outputDir, 'seqlen', 'seqlen_sample_to_metric')).flat()).toEqual([3, 1, 4, 1, 2]);
    expect(rowsOf(join(outputDir, 'seqlen', 'seqlen_index_to_metric')).flat()).toEqual([1, 2, 3, 4]);
    expect(rowsOf(join(outputDir, 'seqlen', 'seqlen_index_to_sample'))).toEqual([[1, 3], [4], [0], [2]]);
    // Of 11 tokens six are 1, two 2, two 3 and one 4.
    const p = { 1: 6 / 11, 2: 2 / 11, 3: 2 / 11, 4: 1 / 11 } as Record<number, number>;
    const rarity = sentences.map((tokens) =>
      Math.round(-tokens.reduce((sum, token) => sum + Math.log(p[token]!), 0)),
    );
    expect(rowsOf(join(outputDir, 'vocabularyrarity', 'vocabularyrarity_sample_to_metric')).flat()).toEqual(
      rarity,
    );
    expect(metrics.seqlen).toMatchObject({ samples: 5, min: 1, max: 4, mean: 2.2, median: 2, distinct: 4 });
    expect(metrics.seqlen!.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(5);
  });

  it('writes the same bytes for any number of threads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (samples, numWorkers) => {
          const many = new ArrayDataset(samples.map((tokens) => tensor(Int32Array.from(tokens))));
          const [alone, threaded] = [nextFolder(), nextFolder()];
          const first = await analyzeDifficulty(many, { outputDir: alone, numWorkers: 0 });
          const second = await analyzeDifficulty(many, { outputDir: threaded, numWorkers });
          expect(second.metrics).toEqual(first.metrics);
          for (const metric of ['seqlen', 'vocabularyrarity'])
            expect(allFiles(threaded, metric)).toEqual(allFiles(alone, metric));
        },
      ),
      { numRuns: 10 },
    );
  });

  it('reports progress up to the end', async () => {
    const reports: AnalysisProgress[] = [];
    await analyzeDifficulty(dataset, {
      outputDir: nextFolder(),
      numWorkers: 2,
      onProgress: (progress) => reports.push(progress),
    });
    // Two passes, and two metrics that are merged.
    expect(reports.at(-1)).toEqual({ phase: 'merging', done: 20, total: 20 });
    expect(new Set(reports.map(({ phase }) => phase))).toEqual(new Set(['counting', 'measuring', 'merging']));
  });

  it.each([[0], [2]])('names the sample that cannot be measured (%d threads)', async (numWorkers) => {
    const mixed = new ArrayDataset<unknown>([Uint8Array.of(1), Uint8Array.of(2), 'three']);
    const run = analyzeDifficulty(mixed, { outputDir: nextFolder(), numWorkers });
    await expect(run).rejects.toThrow(SampleError);
    await expect(run).rejects.toThrow(/Sample 2 of ArrayDataset/);
  });

  it('is an error, not a hang, when a thread dies', async () => {
    const die = workerFunction<(tokens: Uint16Array) => Uint16Array>(
      new URL('../fixtures/deadly.js', import.meta.url),
    );
    const run = analyzeDifficulty(new MapDataset(dataset, die), { outputDir: nextFolder(), numWorkers: 2 });
    await expect(run).rejects.toThrow(WorkerExitError);
    await expect(run).rejects.toThrow(/exit code 7/);
  });

  it('refuses an unknown metric, an empty dataset and one that cannot move', async () => {
    const outputDir = nextFolder();
    await expect(analyzeDifficulty(dataset, { outputDir, metrics: ['length'] })).rejects.toThrow(
      /seqlen, vocabularyrarity/,
    );
    await expect(analyzeDifficulty(new ArrayDataset([]), { outputDir })).rejects.toThrow(ConfigError);
    const functions = new ArrayDataset([() => 0]);
    await expect(analyzeDifficulty(functions, { outputDir })).rejects.toThrow(WorkerTransferError);
    const fixed = { length: 3, get: () => Uint8Array.of(1) };
    await expect(analyzeDifficulty(fixed, { outputDir })).rejects.toThrow(WorkerTransferError);
  });
});
