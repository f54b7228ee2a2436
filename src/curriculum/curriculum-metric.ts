import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { parseOptions } from '../core/options.js';
import { type CurriculumHistogram, countByDifficulty } from './curriculum-histogram.js';
import type { DifficultyOrder } from './difficulty-order.js';
import { DifficultyValues } from './difficulty-values.js';
import { type Schedule, scheduleOf } from './schedule.js';
import { type ScheduleChange, scheduleChanges } from './schedule-changes.js';
import { type CurriculumConfig, parseCurriculumConfig } from './schedule-config.js';

/**
 * One metric of a curriculum. The schedule and the types are in DeepSpeed's spelling, so that a metric of
 * `curriculum_metrics` can be spread into it; paths of index files in it are not read.
 */
export interface CurriculumMetricOptions extends CurriculumConfig {
  /** The difficulty of every sample: an index, or the values themselves. Not needed for `single_cluster`. */
  readonly index?: DifficultyOrder | ArrayLike<number>;
  /**
   * What the schedule's numbers are: difficulties, or parts of the sorted samples, of which there are `max_difficulty`.
   * @defaultValue `'value'`
   */
  readonly difficulty_type?: 'value' | 'percentile';
  /** `single_cluster`: the metric admits all samples at once; its schedule is for the batches alone. @defaultValue `'schedule_based'` */
  readonly clustering_type?: 'schedule_based' | 'single_cluster';
  /**
   * `custom`: the difficulty of a step, counted from 1. Pure. It is asked for the steps up to `total_curriculum_step` of
   * `schedule_config`, where it ends at `max_difficulty`; samples that were admitted stay admitted.
   */
  readonly schedule?: (step: number) => number;
}

const isOrder = (value: unknown): value is DifficultyOrder =>
  typeof (value as Partial<DifficultyOrder> | null)?.placesUpTo === 'function';

const isList = (value: unknown): value is ArrayLike<number> =>
  typeof (value as Partial<ArrayLike<number>> | null)?.length === 'number';

const ownOptions = v.object({
  index: v.optional(
    v.custom<DifficultyOrder | ArrayLike<number>>(
      (value) => isOrder(value) || (isList(value) && typeof value !== 'string'),
      'must be a difficulty index or the difficulty of each sample',
    ),
  ),
  difficulty_type: v.optional(
    v.picklist(['value', 'percentile'], "must be 'value' or 'percentile'"),
    'value',
  ),
  clustering_type: v.optional(
    v.picklist(['schedule_based', 'single_cluster'], "must be 'schedule_based' or 'single_cluster'"),
    'schedule_based',
  ),
  schedule: v.optional(
    v.custom<(step: number) => number>((value) => typeof value === 'function', 'must be a function'),
  ),
});

/** A metric with its schedule: which samples it admits at which step. */
export class CurriculumMetric {
  readonly name: string;
  /** The difficulty of a step, counted from 1; it never falls. */
  readonly difficultyAt: Schedule;
  /** The samples by difficulty; `undefined` where all are admitted at once. */
  readonly order: DifficultyOrder | undefined;
  /** The difficulties in the order in which they come. */
  readonly changes: readonly ScheduleChange[];
  readonly #percentileParts: number | undefined;

  /** @throws {@link ConfigError} naming every field at fault. */
  constructor(name: string, options: CurriculumMetricOptions) {
    const { index, difficulty_type, clustering_type, schedule } = parseOptions(
      'CurriculumSampler options',
      ownOptions,
      options,
      `metrics.${name}`,
    );
    const { index: _, schedule: __, ...section } = options;
    const config = parseCurriculumConfig(`CurriculumSampler metric ${name}`, section, false);
    if (clustering_type !== 'single_cluster' && index === undefined)
      throw problem(`metrics.${name}.index`, 'is missing: the difficulty of every sample');
    this.name = name;
    this.order = clustering_type === 'single_cluster' || index === undefined ? undefined : orderOf(index);
    const { at, lastStep } = growing(name, config, schedule);
    this.difficultyAt = at;
    this.changes = [...scheduleChanges(at, lastStep)];
    this.#percentileParts = difficulty_type === 'percentile' ? config.max_difficulty : undefined;
  }

  /** The samples by difficulty up to the last one that the schedule reaches; `undefined` where all are admitted at once. */
  histogram(bins: number): CurriculumHistogram | undefined {
    const { order, name } = this;
    if (!order) return undefined;
    const type = this.#percentileParts === undefined ? 'value' : 'percentile';
    const from = type === 'percentile' ? 0 : Math.min(order.smallest ?? 0, this.changes[0]!.difficulty);
    const to = Math.max(this.changes.at(-1)!.difficulty, from + 1);
    const admittedBy = (difficulty: number): number => this.admittedBy(difficulty);
    return { metric: name, type, ...countByDifficulty({ order, from, to, admittedBy }, bins) };
  }

  /** How many samples, the easiest, a difficulty admits. */
  admittedBy(difficulty: number): number {
    const { order } = this;
    if (!order) return Number.POSITIVE_INFINITY;
    const parts = this.#percentileParts;
    if (parts === undefined) return order.placesUpTo(difficulty);
    return difficulty >= parts ? order.length : Math.max(0, Math.floor((order.length * difficulty) / parts));
  }
}

function orderOf(index: DifficultyOrder | ArrayLike<number>): DifficultyOrder {
  return isOrder(index) ? index : new DifficultyValues(index);
}

interface GrowingSchedule {
  readonly at: Schedule;
  /** After it nothing changes. */
  readonly lastStep: number;
}

function growing(
  name: string,
  config: CurriculumConfig,
  custom: ((step: number) => number) | undefined,
): GrowingSchedule {
  const { schedule_type: type, schedule_config: settings = {}, min_difficulty, max_difficulty } = config;
  const known = scheduleOf(config, false);
  if (known) {
    if (custom) throw problem(`metrics.${name}.schedule`, `has no effect beside schedule_type ${type}`);
    const last = type === 'fixed_discrete' ? settings.max_step!.at(-1)! + 1 : settings.total_curriculum_step!;
    return { at: known, lastStep: Math.ceil(last) };
  }
  const total = settings.total_curriculum_step;
  if (!custom) throw problem(`metrics.${name}.schedule`, 'is missing, custom needs it');
  if (total === undefined) {
    throw problem(
      `metrics.${name}.schedule_config.total_curriculum_step`,
      'is missing, custom needs it: the step at which max_difficulty is reached',
    );
  }
  const lastStep = Math.ceil(total);
  const table = new Float64Array(lastStep + 1).fill(max_difficulty);
  let largest = min_difficulty;
  for (let step = 1; step < lastStep; step++) {
    const difficulty = custom(step);
    if (!Number.isFinite(difficulty))
      throw problem(
        `metrics.${name}.schedule`,
        `gave ${difficulty} for step ${step}, which is no difficulty`,
      );
    largest = Math.min(Math.max(largest, difficulty), max_difficulty);
    table[step] = largest;
  }
  return { at: (step) => table[Math.min(Math.max(step, 1), lastStep)]!, lastStep };
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('CurriculumSampler options', [{ field, message }]);
}
