import { join } from 'node:path';
import type { JsonObject } from '../core/json.js';
import { metricPrefix } from './index-files.js';
import type { MetricSummary } from './metric-summary.js';

/** A metric of `curriculum_metrics` in DeepSpeed's spelling. */
export interface SuggestedCurriculum extends JsonObject {
  readonly index_to_sample_path: string;
  readonly index_to_metric_path: string;
  readonly difficulty_type: 'value' | 'percentile';
  readonly clustering_type: 'schedule_based';
  readonly min_difficulty: number;
  readonly max_difficulty: number;
  readonly schedule_type: 'fixed_linear';
  readonly schedule_config: { readonly total_curriculum_step: number; readonly difficulty_step: number };
}

/** Difficulties between the first and the last one, about. */
const stairs = 40;

/** A few samples that are this many times as difficult as almost all others would take up the whole schedule. */
const farOut = 4;

/**
 * A curriculum to begin with, by the distribution of a metric: from the easiest samples to all of them in a straight line. By values where
 * they are spread evenly enough, in twentieths of the sorted samples where a few are far out or there are few different values.
 *
 * @param folder - Where the index files are.
 * @param steps - Steps until everything is admitted.
 * @returns `undefined` where all samples are equally difficult: there is nothing to begin with
 */
export function suggestCurriculum(
  metric: string,
  summary: MetricSummary,
  { folder, steps }: { readonly folder: string; readonly steps: number },
): SuggestedCurriculum | undefined {
  if (summary.distinct < 2) return undefined;
  const byValue = isEven(summary);
  const { min_difficulty, max_difficulty, difficulty_step } = byValue
    ? valueRange(summary)
    : { min_difficulty: 10, max_difficulty: 100, difficulty_step: 5 };
  const prefix = metricPrefix(folder, metric);
  return {
    index_to_sample_path: `${prefix}_index_to_sample${byValue ? '' : '_percentile_merged'}`,
    index_to_metric_path: join(`${prefix}_index_to_metric`),
    difficulty_type: byValue ? 'value' : 'percentile',
    clustering_type: 'schedule_based',
    min_difficulty,
    max_difficulty,
    schedule_type: 'fixed_linear',
    schedule_config: { total_curriculum_step: steps, difficulty_step },
  };
}

function isEven({ min, max, median, quantiles, distinct }: MetricSummary): boolean {
  const isWhole = Number.isSafeInteger(min) && Number.isSafeInteger(max);
  return (
    isWhole && min >= 0 && distinct >= 10 && max - median <= farOut * Math.max(1, quantiles['0.95']! - median)
  );
}

/** From a difficulty that a tenth of the samples or so do not exceed, in steps of a round number. */
function valueRange({ max, quantiles }: MetricSummary) {
  const start = quantiles['0.05']!;
  const difficulty_step = roundStep((max - start) / stairs);
  const min_difficulty = Math.max(difficulty_step, Math.ceil(start / difficulty_step) * difficulty_step);
  return { min_difficulty: Math.min(max, min_difficulty), max_difficulty: max, difficulty_step };
}

/** 1, 2, 4, 8 and on: lengths in multiples of 8 suit matrix units. */
function roundStep(step: number): number {
  return 2 ** Math.max(0, Math.round(Math.log2(Math.max(1, step))));
}
