import * as v from 'valibot';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { lastOf } from '../core/last-of.js';
import { parseOptions } from '../core/options.js';
import { hasMethod, propertyOf } from '../core/property-of.js';
import { type CurriculumHistogram, countByDifficulty } from './curriculum-histogram.js';
import { type DeepSpeedSchedule, withSchedule } from './deepspeed-schedule.js';
import type { DifficultyOrder } from './difficulty-order.js';
import { DifficultyValues } from './difficulty-values.js';
import { type ScheduleChange, scheduleChanges } from './schedule-changes.js';
import { openSchedule, type ScheduleOptions } from './schedule-options.js';
import type { Schedule } from './schedules.js';

/**
 * A metric of a curriculum. `curriculumMetric` of `millrace/deepspeed` converts a metric of DeepSpeed's
 * `curriculum_metrics`.
 */
export interface CurriculumMetricOptions {
  /** The difficulty of every sample: an index, or the values themselves. Not needed for `single-cluster`. */
  readonly index?: DifficultyOrder | ArrayLike<number>;
  /** The difficulty at which the schedule starts. */
  readonly minDifficulty: number;
  /** The difficulty at which the schedule ends. */
  readonly maxDifficulty: number;
  /** How the difficulty grows with the global step, here counted from 1. */
  readonly schedule: ScheduleOptions;
  /**
   * Unit of the schedule's difficulties. `value`: values of the metric. `percentile`: shares of the sorted samples, in
   * `maxDifficulty` equal parts. @defaultValue `'value'`
   */
  readonly difficultyType?: 'value' | 'percentile';
  /**
   * `schedule-based`: the schedule admits samples. `single-cluster`: the metric admits all samples at once, and its schedule sets only the
   * difficulty that batches report. @defaultValue `'schedule-based'`
   */
  readonly clusteringType?: 'schedule-based' | 'single-cluster';
}

/** A metric, whose schedule may be in DeepSpeed's terms. */
export type CurriculumMetricInput =
  | CurriculumMetricOptions
  | (Omit<CurriculumMetricOptions, 'schedule'> & DeepSpeedSchedule);

const isOrder = (value: unknown): value is DifficultyOrder => hasMethod(value, 'placesUpTo');

const isList = (value: unknown): value is ArrayLike<number> =>
  typeof propertyOf(value, 'length') === 'number';

const finite = v.pipe(v.number('must be a number'), v.finite('must be finite'));

const schema = v.strictObject({
  index: v.optional(
    v.custom<DifficultyOrder | ArrayLike<number>>(
      (value) => isOrder(value) || (isList(value) && typeof value !== 'string'),
      'must be a difficulty index or the difficulty of each sample',
    ),
  ),
  minDifficulty: finite,
  maxDifficulty: finite,
  schedule: v.unknown(),
  difficultyType: v.optional(v.picklist(['value', 'percentile'], "must be 'value' or 'percentile'"), 'value'),
  clusteringType: v.optional(
    v.picklist(['schedule-based', 'single-cluster'], "must be 'schedule-based' or 'single-cluster'"),
    'schedule-based',
  ),
});

const subject = 'CurriculumSampler options';

/** A metric with its schedule: which samples it admits at which step. */
export class CurriculumMetric {
  readonly name: string;
  /** Returns the difficulty of a step, counted from 1; it never decreases. */
  readonly difficultyAt: Schedule;
  /** The samples by difficulty; `undefined` if all are admitted at once. */
  readonly order: DifficultyOrder | undefined;
  /** The difficulties in the order of the schedule. */
  readonly changes: readonly ScheduleChange[];
  readonly #percentileParts: number | undefined;

  /** @throws {@link ConfigError} naming every invalid field. */
  constructor(name: string, given: CurriculumMetricInput) {
    const field = `metrics.${name}`;
    const options = withSchedule<CurriculumMetricOptions>(given);
    checkSpelling(options, field);
    const checked = parseOptions(subject, schema, options, field);
    const { index, minDifficulty, maxDifficulty, difficultyType, clusteringType } = checked;
    const isClustered = clusteringType === 'schedule-based';
    if (minDifficulty > maxDifficulty) {
      const message = `is ${minDifficulty}, above maxDifficulty ${maxDifficulty}`;
      throw new ConfigError(subject, [{ field: `${field}.minDifficulty`, message }]);
    }
    if (isClustered && index === undefined) {
      const message = 'is missing: the difficulty of every sample';
      throw new ConfigError(subject, [{ field: `${field}.index`, message }]);
    }
    const range = { min: minDifficulty, max: maxDifficulty };
    const { difficultyAt, lastStep } = openSchedule(checked.schedule, range, {
      subject,
      field: `${field}.schedule`,
    });
    this.name = name;
    this.order = isClustered && index !== undefined ? orderOf(index) : undefined;
    this.difficultyAt = difficultyAt;
    this.changes = [...scheduleChanges(difficultyAt, lastStep)];
    this.#percentileParts = difficultyType === 'percentile' ? maxDifficulty : undefined;
  }

  /**
   * The samples by difficulty, up to the last one that the schedule reaches; `undefined` if all are admitted at once.
   */
  histogram(bins: number): CurriculumHistogram | undefined {
    const { order, name } = this;
    if (!order) return undefined;
    const type = this.#percentileParts === undefined ? 'value' : 'percentile';
    const from = type === 'percentile' ? 0 : Math.min(order.smallest ?? 0, this.changes[0]!.difficulty);
    const to = Math.max(lastOf(this.changes).difficulty, from + 1);
    const admittedBy = (difficulty: number): number => this.admittedBy(difficulty);
    return { metric: name, type, ...countByDifficulty({ order, from, to, admittedBy }, bins) };
  }

  /** Number of samples, the easiest ones, that a difficulty admits. */
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

/** Options in DeepSpeed's spelling, which earlier versions of Millrace used. */
const renamed = new Map([
  ['min_difficulty', 'minDifficulty'],
  ['max_difficulty', 'maxDifficulty'],
  ['difficulty_type', 'difficultyType'],
  ['clustering_type', 'clusteringType'],
  ['schedule_type', 'schedule.type'],
  ['schedule_config', 'schedule'],
  ['index_to_sample_path', 'index, a DifficultyIndex'],
  ['index_to_metric_path', 'index, a DifficultyIndex'],
]);

const renamedInSchedule = new Map([
  ['total_curriculum_step', 'totalSteps'],
  ['difficulty_step', 'difficultyStep'],
  ['root_degree', 'rootDegree'],
  ['difficulty', 'difficulties'],
  ['max_step', 'lastSteps'],
]);

/** @throws {@link ConfigError} naming the new spelling of every option in DeepSpeed's spelling. */
function checkSpelling(options: CurriculumMetricOptions, field: string): void {
  const problems = [
    ...spellingProblems(options, renamed, field),
    ...spellingProblems(options.schedule, renamedInSchedule, `${field}.schedule`),
  ];
  if (problems.length === 0) return;
  throw new ConfigError(subject, problems, {
    next: "Convert a metric of DeepSpeed's curriculum_metrics with curriculumMetric of millrace/deepspeed.",
  });
}

function spellingProblems(
  options: unknown,
  names: ReadonlyMap<string, string>,
  field: string,
): ConfigProblem[] {
  if (typeof options !== 'object' || options === null) return [];
  return Object.keys(options).flatMap((key) => {
    const name = names.get(key);
    return name === undefined ? [] : [{ field: `${field}.${key}`, message: `is spelled ${name}` }];
  });
}
