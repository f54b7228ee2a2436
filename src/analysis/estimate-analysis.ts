import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../core/dataset.js';
import { Subset } from '../datasets/subset.js';
import { analyzeDifficulty } from './analyze-difficulty.js';
import type { MetricSource } from './metric-source.js';
import type { MetricSummary } from './metric-summary.js';

export interface EstimateOptions {
  /** Share of the samples to measure, above 0 and up to 1. */
  readonly share: number;
  readonly metrics: readonly MetricSource[];
  /** Number of threads of the whole analysis. */
  readonly numWorkers: number;
}

/** An estimate for all samples, from some of them. */
export interface AnalysisEstimate {
  /** Number of samples measured. */
  readonly measured: number;
  /** Their distribution. Counts of a first pass also cover only these samples. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  readonly elapsedMs: number;
  /** Estimated time for all samples. */
  readonly expectedMs: number;
}

/** Measures evenly spaced samples on the calling thread, and estimates the time for all of them. */
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
