import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { firstAbove } from '../core/first-above.js';
import { firstIds, groupEnds, type IdArray, invertIds, sortByValue } from '../core/sort-by-value.js';
import type { CurriculumMetric } from './curriculum-metric.js';

/** Samples that are admitted together, at consecutive positions of `Admissions`. */
export interface Cluster {
  /** The step of their admission, counted from 1. */
  readonly step: number;
  /** Their first position. */
  readonly start: number;
  /** Number of samples. */
  readonly size: number;
}

/** The samples in the order in which a curriculum admits them. */
export interface Admissions {
  /** Clusters by ascending step; none is empty. */
  readonly clusters: readonly Cluster[];
  /** Replaces positions by the samples at these positions. */
  replaceBySamples(places: Int32Array | Float64Array): void;
  /** Returns the position of a sample; `undefined` if it is never admitted. */
  placeOf(sample: number): number | undefined;
  /** Identifies the order. */
  fingerprint(): string;
}

/**
 * Computes when each sample is admitted. As in DeepSpeed, a sample is admitted as soon as every metric admits it.
 *
 * @throws {@link ConfigError} if an index has another number of samples, or the first step admits none.
 * @remarks One metric: O(clusters · log n), and no memory per sample. Several: O(n) per metric, 8 bytes per sample.
 */
export function admissionsOf(metrics: readonly CurriculumMetric[], samples: number): Admissions {
  for (const { name, order } of metrics) {
    if (!order || order.length === samples) continue;
    throw problem(
      `metrics.${name}.index`,
      `has ${order.length} samples, and the dataset has ${samples}: it was made for another dataset`,
    );
  }
  const limiting = metrics.filter(({ order }) => order !== undefined);
  const [only] = limiting;
  const admissions =
    only === undefined
      ? allAtOnce(samples)
      : limiting.length === 1
        ? byOneMetric(only)
        : bySeveral(limiting, samples);
  if (admissions.clusters[0]?.step !== 1) throw nothingAdmitted(limiting);
  return admissions;
}

function allAtOnce(samples: number): Admissions {
  return {
    clusters: samples > 0 ? [{ step: 1, start: 0, size: samples }] : [],
    replaceBySamples: () => {},
    placeOf: (sample) => (sample < samples ? sample : undefined),
    fingerprint: () => fingerprint({ kind: 'all', samples }),
  };
}

function byOneMetric(metric: CurriculumMetric): Admissions {
  const order = metric.order!;
  const clusters = clustersOf(
    metric.changes.map(({ step, difficulty }) => ({ step, end: metric.admittedBy(difficulty) })),
  );
  const admitted = endOf(clusters);
  return {
    clusters,
    replaceBySamples: (places) => order.replaceBySamples(places),
    placeOf: (sample) => {
      const place = order.placeOf(sample);
      return place !== undefined && place < admitted ? place : undefined;
    },
    fingerprint: () => order.fingerprint(),
  };
}

/** Sorts the samples by the step at which the last metric admits them, then by index. */
function bySeveral(metrics: readonly CurriculumMetric[], samples: number): Admissions {
  const steps = Float64Array.from(
    new Set(metrics.flatMap(({ changes }) => changes.map(({ step }) => step))),
  ).sort();
  const never = steps.length;
  const stageOf = new Float64Array(samples);
  for (const metric of metrics) {
    let start = 0;
    for (const { step, difficulty } of metric.changes) {
      const end = metric.admittedBy(difficulty);
      raiseStages(metric, start, end, firstAbove(steps, step) - 1, stageOf);
      start = Math.max(start, end);
    }
    raiseStages(metric, start, samples, never, stageOf);
  }
  const { distinct, counts, ids } = sortByValue(stageOf, firstIds(samples));
  const ends = groupEnds(counts);
  const boundaries = Array.from(distinct, (stage, row) => ({ stage, end: ends[row]! }));
  const clusters = clustersOf(
    boundaries.filter(({ stage }) => stage < never).map(({ stage, end }) => ({ step: steps[stage]!, end })),
  );
  const admitted = endOf(clusters);
  let places: IdArray | undefined;
  return {
    clusters,
    replaceBySamples: (out) => {
      for (let k = 0; k < out.length; k++) out[k] = ids[out[k]!]!;
    },
    placeOf: (sample) => {
      places ??= invertIds(ids);
      const place = places[sample];
      return place !== undefined && place < admitted ? place : undefined;
    },
    fingerprint: () => fingerprint(metrics.map(({ order }) => order!.fingerprint())),
  };
}

/** Number of samples processed at once. */
const block = 65_536;

/** Raises the stage of samples `start … end - 1` of a metric's order to `stage`, unless it is higher. */
function raiseStages(
  metric: CurriculumMetric,
  start: number,
  end: number,
  stage: number,
  stageOf: Float64Array,
): void {
  for (let from = start; from < end; from += block) {
    const samples = Float64Array.from({ length: Math.min(block, end - from) }, (_, i) => from + i);
    metric.order!.replaceBySamples(samples);
    for (const sample of samples) if (stageOf[sample]! < stage) stageOf[sample] = stage;
  }
}

function clustersOf(boundaries: readonly { readonly step: number; readonly end: number }[]): Cluster[] {
  const clusters: Cluster[] = [];
  let start = 0;
  for (const { step, end } of boundaries) {
    if (end <= start) continue;
    clusters.push({ step, start, size: end - start });
    start = end;
  }
  return clusters;
}

function endOf(clusters: readonly Cluster[]): number {
  const last = clusters.at(-1);
  return last ? last.start + last.size : 0;
}

function nothingAdmitted(metrics: readonly CurriculumMetric[]): ConfigError {
  const empty = metrics.filter((metric) => metric.admittedBy(metric.difficultyAt(1)) <= 0);
  const problems = empty.map(({ name, order, difficultyAt }) => ({
    field: `metrics.${name}.minDifficulty`,
    message: `no sample of ${name} has a difficulty up to ${difficultyAt(1)}; the smallest is ${order?.smallest}`,
  }));
  const together = {
    field: 'metrics',
    message: `no sample is admitted by all of ${metrics.map(({ name }) => name).join(', ')} at the first step`,
  };
  return new ConfigError('CurriculumSampler options', problems.length > 0 ? problems : [together], {
    next: 'Start at a difficulty that some samples have.',
  });
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('CurriculumSampler options', [{ field, message }]);
}
