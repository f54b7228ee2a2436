import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { lastOf } from '../core/last-of.js';
import { parseOptions } from '../core/options.js';
import { type DifficultyRange, discreteSchedule, rootSchedule, type Schedule } from './schedules.js';

/** Grows linearly from `minDifficulty` to `maxDifficulty`. */
export interface LinearScheduleOptions {
  readonly type: 'linear';
  /** The step at which `maxDifficulty` is reached. */
  readonly totalSteps: number;
  /** Difficulties are rounded down to multiples of this. */
  readonly difficultyStep: number;
}

/** Grows with a root of the step: fast at first, then ever more slowly. */
export interface RootScheduleOptions {
  readonly type: 'root';
  /** The step at which `maxDifficulty` is reached. */
  readonly totalSteps: number;
  /** Difficulties are rounded down to multiples of this. */
  readonly difficultyStep: number;
  /** 2 is the square root. */
  readonly rootDegree: number;
}

/** Lists the difficulties. */
export interface DiscreteScheduleOptions {
  readonly type: 'discrete';
  /** The difficulties, one entry more than `lastSteps`. */
  readonly difficulties: readonly number[];
  /** The last step, counted from 1, of each difficulty but the last. */
  readonly lastSteps: readonly number[];
}

/** Computes the difficulty with a function. */
export interface CustomScheduleOptions {
  readonly type: 'custom';
  /** The step at which `maxDifficulty` is reached. */
  readonly totalSteps: number;
  /** The difficulty of a step, counted from 1. Pure; called once for each step below `totalSteps`. Admitted samples stay admitted. */
  readonly difficultyAt: (step: number) => number;
}

/** How the difficulty grows with the step. */
export type ScheduleOptions =
  | LinearScheduleOptions
  | RootScheduleOptions
  | DiscreteScheduleOptions
  | CustomScheduleOptions;

/** A schedule and the last step at which it changes. */
export interface OpenedSchedule {
  readonly difficultyAt: Schedule;
  readonly lastStep: number;
}

const finite = v.pipe(v.number('must be a number'), v.finite('must be finite'));
const positive = v.pipe(finite, v.gtValue(0, 'must be above 0'));
const numbers = v.pipe(v.array(finite, 'must be a list of numbers'), v.minLength(1, 'must not be empty'));

const rising = { totalSteps: positive, difficultyStep: positive };
const schemas = {
  linear: v.strictObject({ type: v.literal('linear'), ...rising }),
  root: v.strictObject({ type: v.literal('root'), ...rising, rootDegree: positive }),
  discrete: v.pipe(
    v.strictObject({ type: v.literal('discrete'), difficulties: numbers, lastSteps: numbers }),
    v.check(
      ({ difficulties, lastSteps }) => difficulties.length === lastSteps.length + 1,
      ({ input: { difficulties, lastSteps } }) =>
        `has ${difficulties.length} difficulties and ${lastSteps.length} lastSteps; there must be one difficulty more than lastSteps`,
    ),
  ),
  custom: v.strictObject({
    type: v.literal('custom'),
    totalSteps: positive,
    difficultyAt: v.custom<(step: number) => number>(
      (value) => typeof value === 'function',
      'must be a function of the step',
    ),
  }),
};

const types = Object.keys(schemas);
const anySchedule = v.looseObject(
  {
    type: v.picklist(
      ['linear', 'root', 'discrete', 'custom'],
      `must be ${types.map((type) => `'${type}'`).join(', ')}`,
    ),
  },
  `must be an object: { type: 'linear', totalSteps, difficultyStep }`,
);

/**
 * Checks the options of a schedule and makes the schedule.
 *
 * @param subject - Owner of the options, for the message.
 * @param field - Path of the options, for the message.
 * @throws {@link ConfigError} naming every invalid field.
 */
export function openSchedule(
  options: unknown,
  range: DifficultyRange,
  { subject, field }: { readonly subject: string; readonly field: string },
): OpenedSchedule {
  const { type } = parseOptions(subject, anySchedule, options, field);
  const checked: ScheduleOptions = parseOptions(subject, schemas[type], options, field);
  if (checked.type === 'custom') return tabulated(checked, range, { subject, field });
  const last = checked.type === 'discrete' ? lastOf(checked.lastSteps) + 1 : checked.totalSteps;
  return { difficultyAt: scheduleOf(checked, range), lastStep: Math.ceil(last) };
}

/** Makes the schedule of checked options. */
export function scheduleOf(
  options: Exclude<ScheduleOptions, CustomScheduleOptions>,
  range: DifficultyRange,
): Schedule {
  if (options.type === 'discrete') return discreteSchedule({ ...options, ...range });
  const degree = options.type === 'linear' ? 1 : options.rootDegree;
  return rootSchedule({ ...options, ...range, degree });
}

/** Tabulates a custom function so that it never decreases. */
function tabulated(
  { totalSteps, difficultyAt }: CustomScheduleOptions,
  { min, max }: DifficultyRange,
  { subject, field }: { readonly subject: string; readonly field: string },
): OpenedSchedule {
  const lastStep = Math.ceil(totalSteps);
  const table = new Float64Array(lastStep + 1).fill(max);
  let largest = min;
  for (let step = 1; step < lastStep; step++) {
    const difficulty = difficultyAt(step);
    if (!Number.isFinite(difficulty)) {
      const message = `returned ${difficulty} for step ${step}; a difficulty is a finite number`;
      throw new ConfigError(subject, [{ field: `${field}.difficultyAt`, message }]);
    }
    largest = Math.min(Math.max(largest, difficulty), max);
    table[step] = largest;
  }
  return { difficultyAt: (step) => table[Math.min(Math.max(step, 1), lastStep)]!, lastStep };
}
