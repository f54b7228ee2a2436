import type { CurriculumMetricOptions } from '../curriculum/index.js';
import type { LinearScheduleOptions } from '../curriculum/schedule-options.js';
import type { MetricSummary } from './metric-summary.js';

/** A metric of a `CurriculumSampler`, without its index. */
export interface SuggestedCurriculum
  extends Required<Pick<CurriculumMetricOptions, 'minDifficulty' | 'maxDifficulty' | 'difficultyType'>> {
  readonly schedule: LinearScheduleOptions;
}

/** Approximate number of difficulties between the first and the last one. */
const stairs = 40;

/**
 * A maximum is an outlier if it is this many times as far from the median as the 95th percentile. An outlier would
 * take up the whole schedule.
 */
const outlierFactor = 4;

/**
 * Suggests a curriculum from the distribution of a metric: a linear schedule from the easiest samples to all of them.
 * It is by value if the values are evenly spread, and by twentieths of the sorted samples if there are outliers or
 * few distinct values.
 *
 * @param steps - Steps until all samples are admitted.
 * @returns `undefined` if all samples are equally difficult.
 */
export function suggestCurriculum(summary: MetricSummary, steps: number): SuggestedCurriculum | undefined {
  if (summary.distinct < 2) return undefined;
  const byValue = isEven(summary);
  const { difficultyStep, ...range } = byValue
    ? valueRange(summary)
    : { minDifficulty: 10, maxDifficulty: 100, difficultyStep: 5 };
  return {
    ...range,
    difficultyType: byValue ? 'value' : 'percentile',
    schedule: { type: 'linear', totalSteps: steps, difficultyStep },
  };
}

function isEven({ min, max, median, quantiles, distinct }: MetricSummary): boolean {
  const isWhole = Number.isSafeInteger(min) && Number.isSafeInteger(max);
  const usualSpread = Math.max(1, quantiles['0.95']! - median);
  return isWhole && min >= 0 && distinct >= 10 && max - median <= outlierFactor * usualSpread;
}

/** From the 5th percentile, rounded up, in steps of a round number. */
function valueRange({ max, quantiles }: MetricSummary) {
  const start = quantiles['0.05']!;
  const difficultyStep = roundStep((max - start) / stairs);
  const first = Math.max(difficultyStep, Math.ceil(start / difficultyStep) * difficultyStep);
  return { minDifficulty: Math.min(max, first), maxDifficulty: max, difficultyStep };
}

/** The nearest power of two, at least 1: lengths in multiples of 8 suit matrix units. */
function roundStep(step: number): number {
  return 2 ** Math.max(0, Math.round(Math.log2(Math.max(1, step))));
}
