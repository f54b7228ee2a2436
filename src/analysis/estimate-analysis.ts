import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../core/dataset.js';
import { Subset } from '../datasets/subset.js';
import { analyzeDifficulty } from './analyze-difficulty.js';
import type { MetricSource } from './metric-source.js';
import type { MetricSummary } from './metric-summary.js';

export interface EstimateOptions {
  /** Part of the samples that is measured, above 0 and up to 1. */
  readonly share: number;
  readonly metrics: readonly MetricSource[];
  /** Threads that the whole analysis is to have. */
  readonly numWorkers: number;
}

/** What a few samples say about all of them. */
export interface AnalysisEstimate {
  /** Samples that were measured. */
  readonly measured: number;
  /** The distribution of these. Counts of a first pass are those of these samples, too. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  readonly elapsedMs: number;
  /** How long all samples would take. */
  readonly expectedMs: number;
}

/** Measures samples that lie evenly over the dataset, on this thread, and works out how long all of them take. */
export async function estimateAnalysis(
  dataset: Dataset<unknown>,
  { share, metrics, numWorkers }: EstimateOptions,
): Promise<AnalysisEstimate> {
  const measured = Math.max(1, Math.min(dataset.length, Math.round(share * dataset.length)));
  const indices = Float64Array.from({ length: measured }, (_, i) =>
    Math.floor((i * dataset.length) / measured),
  );
  const folder = mkdtempSync(join(tmpdir(), 'millrace-estimate-'));
  try {
    const analysis = await analyzeDifficulty(new Subset(dataset, indices), {
      outputDir: folder,
      metrics,
      numWorkers: 0,
      layout: 'native',
    });
    const { elapsedMs } = analysis;
    const expectedMs = (elapsedMs * dataset.length) / measured / Math.max(1, numWorkers);
    return { measured, metrics: analysis.metrics, elapsedMs, expectedMs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
