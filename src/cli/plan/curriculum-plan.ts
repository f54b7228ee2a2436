import { lastOf } from '../../core/last-of.js';
import type { CurriculumMetric } from '../../curriculum/curriculum-metric.js';
import type { DifficultyOrder } from '../../curriculum/difficulty-order.js';
import type { CurriculumSampler } from '../../curriculum/index.js';
import type { DeepSpeedDataSampler } from '../../deepspeed/index.js';

/** Samples whose difficulty is above `from` and up to `to`. */
export interface DifficultyBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** A metric of a curriculum. */
export interface MetricPlan {
  readonly name: string;
  /** The difficulty from global step `step` on. */
  readonly changes: readonly { readonly step: number; readonly difficulty: number }[];
  /** Present if the difficulty of each sample is known. The last bin counts samples above the schedule's maximum. */
  readonly histogram: readonly DifficultyBin[] | undefined;
}

/** Samples admitted at the same global step. */
export interface ClusterPlan {
  /** The global step of their admission, from 0. */
  readonly step: number;
  readonly size: number;
  /** Slots of the run assigned to them. */
  readonly seen: number;
}

/** Effect of a curriculum on a run. */
export interface CurriculumPlan {
  readonly metrics: readonly MetricPlan[];
  readonly clusters: readonly ClusterPlan[];
  /** Number of samples that the run never draws. */
  readonly neverSeen: number;
  /** The last global step that admits samples, even if the run ends earlier. */
  readonly lastAdmission: number;
  /** Number of steps examined. */
  readonly steps: number;
}

const bins = 24;

/** Plans the first `steps` steps of a `CurriculumSampler`. O(clusters). */
export function planCurriculum(sampler: CurriculumSampler, samples: number, steps: number): CurriculumPlan {
  const seen = sampler.countsAfter(steps);
  const clusters = sampler.clusters.map(({ step, size }, j) => ({ step: step - 1, size, seen: seen[j]! }));
  const distinct = clusters.reduce((sum, { size, seen }) => sum + Math.min(size, seen), 0);
  return {
    metrics: sampler.metrics.map(planMetric),
    clusters,
    neverSeen: samples - distinct,
    lastAdmission: clusters.at(-1)?.step ?? 0,
    steps,
  };
}

function planMetric({ name, changes, order }: CurriculumMetric): MetricPlan {
  const fromZero = changes.map(({ step, difficulty }) => ({ step: step - 1, difficulty }));
  return { name, changes: fromZero, histogram: order && histogramOf(order, lastOf(changes).difficulty) };
}

/** Counts by binary search in the sorted samples; `undefined` for an index without difficulties. */
function histogramOf(order: DifficultyOrder, largest: number): DifficultyBin[] | undefined {
  const { smallest } = order;
  if (smallest === undefined || largest <= smallest) return undefined;
  // Integer difficulties get integer bounds.
  const isWhole = Number.isInteger(smallest) && Number.isInteger(largest);
  const width = isWhole ? Math.ceil((largest - smallest) / bins) : (largest - smallest) / bins;
  const length = isWhole ? Math.ceil((largest - smallest) / width) : bins;
  let before = 0;
  const counted = Array.from({ length }, (_, bin) => {
    const to = bin === length - 1 ? largest : smallest + (bin + 1) * width;
    const upTo = order.placesUpTo(to);
    const count = upTo - before;
    before = upTo;
    return { from: smallest + bin * width, to, count };
  });
  return before < order.length
    ? [...counted, { from: largest, to: Number.POSITIVE_INFINITY, count: order.length - before }]
    : counted;
}

/**
 * Plans DeepSpeed's sampler by running it; its order cannot be computed.
 *
 * @param visits - How often the run sees each sample.
 */
export function planDeepSpeedCurriculum(
  sampler: DeepSpeedDataSampler,
  visits: Uint32Array,
  steps: number,
): CurriculumPlan {
  const before = sampler.snapshot;
  const changes = new Map<string, { step: number; difficulty: number }[]>();
  const admitted: number[] = [];
  for (const _ of sampler) {
    const step = sampler.curriculumStep - 1;
    if (step >= steps) break;
    for (const [name, difficulty] of Object.entries(sampler.currentDifficulties)) {
      const known = changes.get(name) ?? [];
      if (known.at(-1)?.difficulty !== difficulty) changes.set(name, [...known, { step, difficulty }]);
    }
    while (admitted.length < sampler.dataClusterSizes.length) admitted.push(step);
  }
  const clusters = sampler.snapshot.clusters.map(({ order }, j) => {
    let seen = 0;
    for (const sample of order) seen += visits[sample]!;
    return { step: admitted[j] ?? 0, size: order.length, seen };
  });
  sampler.restore(before);
  return {
    metrics: Array.from(changes, ([name, list]) => {
      const index = sampler.difficultyIndexes.get(name);
      return { name, changes: list, histogram: index && histogramOf(index, lastOf(list).difficulty) };
    }),
    clusters,
    neverSeen: visits.reduce((count, seen) => count + (seen === 0 ? 1 : 0), 0),
    lastAdmission: admitted.at(-1) ?? 0,
    steps,
  };
}

/** Number of admitted samples from each global step on, ascending. */
export function admittedSamples({ clusters }: CurriculumPlan): { step: number; samples: number }[] {
  let samples = 0;
  return clusters.map(({ step, size }) => {
    samples += size;
    return { step, samples };
  });
}
