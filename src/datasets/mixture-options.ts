import * as v from 'valibot';
import { type Dataset, isMapDataset } from '../core/dataset.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { booleanOption, integerFrom } from '../core/options.js';
import type { GrowthMode } from '../random/grown-passes.js';

/** A stage of a schedule: the weights from a global step on. With a schedule, an epoch consists of whole global batches. */
export interface MixtureStage {
  /** The global step, from 0; the first stage begins at 0. */
  readonly step: number;
  /** One weight per source, 0 or more; they need not add up to 1. */
  readonly weights: readonly number[];
}

export interface MixtureOptions {
  /** The weight of each source: 0 or more; they need not add up to 1. Pass either `weights` or `schedule`. */
  readonly weights?: readonly number[];
  /** Weights that change during the run. Requires `batchSize`. */
  readonly schedule?: readonly MixtureStage[];
  /** Samples per global batch, over all ranks, for the steps of `schedule`. The loader refuses another `batchSize`. */
  readonly batchSize?: number;
  /**
   * Samples per epoch. With `schedule`, rounded down to whole global batches, at least one, so that each step of the
   * schedule is one global step. @defaultValue the sum of the sources' lengths
   */
  readonly length?: number;
  /** Fixes the order of every source. @defaultValue `0` */
  readonly seed?: number;
  /** Whether each pass over a source has its own random order instead of `0, 1, 2, …`. @defaultValue `true` */
  readonly shuffle?: boolean;
}

const weightsOption = v.array(
  v.pipe(v.number('must be a number'), v.finite('must be finite'), v.minValue(0, 'must be 0 or more')),
  'must be a list of numbers',
);

export const mixtureSchema = v.strictObject({
  weights: v.optional(weightsOption),
  schedule: v.optional(
    v.pipe(
      v.array(v.strictObject({ step: integerFrom(0), weights: weightsOption })),
      v.minLength(1, 'must have a stage'),
    ),
  ),
  batchSize: v.optional(integerFrom(1)),
  length: v.optional(integerFrom(1)),
  seed: v.optional(integerFrom(0), 0),
  shuffle: v.optional(booleanOption, true),
  /** Set by a loader that amends the mixture. It has checked them. */
  amendments: v.optional(
    v.custom<MixtureAmendments>((value) => typeof value === 'object'),
    {
      weights: [],
      growths: [],
    },
  ),
});

/** How a loader changes a mixture. Samples of the run count over epochs. */
export interface MixtureAmendments {
  /** Weights from a sample of the run on, whatever the schedule says from there on. */
  readonly weights: readonly { readonly start: number; readonly weights: readonly number[] }[];
  /** New samples at the end of a source, from a sample of the run on. */
  readonly growths: readonly {
    readonly start: number;
    readonly source: number;
    /** Samples of the source before and after. */
    readonly before: number;
    readonly length: number;
    readonly mode: GrowthMode;
  }[];
}

/** The stages of checked options; weights alone are one stage. @throws {@link ConfigError} */
export function stagesOf({
  weights,
  schedule,
  batchSize,
}: v.InferOutput<typeof mixtureSchema>): readonly MixtureStage[] {
  if (weights && schedule) throw problem('schedule', 'cannot be given together with weights');
  if (weights) return [{ step: 0, weights }];
  if (!schedule) throw problem('weights', 'is missing');
  if (batchSize === undefined)
    throw problem('batchSize', 'is missing, schedule counts its steps in global batches');
  const disorder = schedule.findIndex(({ step }, k) =>
    k === 0 ? step !== 0 : step <= schedule[k - 1]!.step,
  );
  if (disorder >= 0) throw problem(`schedule.${disorder}.step`, 'must ascend from 0');
  return schedule;
}

/** @throws {@link ConfigError} naming what is not a dataset */
export function checkDatasets(datasets: readonly unknown[]): void {
  if (datasets.length === 0) throw problem('datasets', 'needs at least one dataset');
  const wrong = datasets.findIndex((dataset) => !isMapDataset(dataset));
  if (wrong >= 0) throw problem(`datasets.${wrong}`, 'is not a map-style dataset');
}

/** @throws {@link ConfigError} if weights do not fit the datasets */
export function checkWeights(
  stages: readonly MixtureStage[],
  datasets: readonly Dataset<unknown>[],
  isSchedule: boolean,
): void {
  const problems = stages.flatMap(({ weights }, k): ConfigProblem[] => {
    const field = isSchedule ? `schedule.${k}.weights` : 'weights';
    if (weights.length !== datasets.length)
      return [{ field, message: `has ${weights.length} numbers for ${datasets.length} datasets` }];
    if (weights.every((weight) => weight === 0)) return [{ field, message: 'must not all be 0' }];
    return weights.flatMap((weight, source) =>
      weight > 0 && datasets[source]!.length === 0
        ? [{ field: `${field}.${source}`, message: `is ${weight}, but that dataset has no samples` }]
        : [],
    );
  });
  if (problems.length > 0) throw new ConfigError('MixtureDataset options', problems);
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('MixtureDataset options', [{ field, message }]);
}
