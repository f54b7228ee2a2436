import * as v from 'valibot';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { parseOptions } from '../core/options.js';
import type { ScheduleOptions } from '../curriculum/schedule-options.js';

const number = v.pipe(v.number('must be a number'), v.finite('must be finite'));
const positive = v.pipe(number, v.gtValue(0, 'must be above 0'));
const numbers = v.pipe(v.array(number, 'must be a list of numbers'), v.minLength(1, 'must not be empty'));

/** DeepSpeed fails only for 0. */
const notZero = v.pipe(number, v.notValue(0, 'must not be 0'));

const scheduleConfig = (factor: typeof positive | typeof notZero) =>
  v.strictObject({
    total_curriculum_step: v.optional(positive),
    difficulty_step: v.optional(factor),
    root_degree: v.optional(factor),
    difficulty: v.optional(numbers),
    max_step: v.optional(numbers),
  });

const common = {
  min_difficulty: number,
  max_difficulty: number,
  schedule_type: v.picklist(
    ['fixed_linear', 'fixed_root', 'fixed_discrete', 'custom'],
    `must be 'fixed_linear', 'fixed_root', 'fixed_discrete' or 'custom'`,
  ),
  current_difficulty: v.optional(number),
  // Other keys of DeepSpeed's sections, which the schedule does not use.
  index_to_sample_path: v.optional(v.unknown()),
  index_to_metric_path: v.optional(v.unknown()),
  difficulty_type: v.optional(v.unknown()),
  clustering_type: v.optional(v.unknown()),
  curriculum_type: v.optional(v.unknown()),
  enabled: v.optional(v.unknown()),
};

const schema = v.strictObject({ ...common, schedule_config: v.optional(scheduleConfig(positive)) });
const originalSchema = v.strictObject({ ...common, schedule_config: v.optional(scheduleConfig(notZero)) });

/** The kind of a schedule, in DeepSpeed's spelling. */
export type ScheduleType = 'fixed_linear' | 'fixed_root' | 'fixed_discrete' | 'custom';

/** The settings of a schedule, in DeepSpeed's spelling. The type decides which of them are required. */
export interface ScheduleConfig {
  /** `fixed_linear`, `fixed_root`: the step at which `max_difficulty` is reached. */
  readonly total_curriculum_step?: number | undefined;
  /** `fixed_linear`, `fixed_root`: difficulties are multiples of this. */
  readonly difficulty_step?: number | undefined;
  /** `fixed_root`: 2 is the square root. */
  readonly root_degree?: number | undefined;
  /** `fixed_discrete`: the difficulties, one more than `max_step`. */
  readonly difficulty?: readonly number[] | undefined;
  /** `fixed_discrete`: the last step of each difficulty except the last. */
  readonly max_step?: readonly number[] | undefined;
}

/** A schedule in the spelling of DeepSpeed's JSON: a metric of `curriculum_metrics`, or a `curriculum_learning` section. */
export interface CurriculumConfig {
  readonly min_difficulty: number;
  readonly max_difficulty: number;
  readonly schedule_type: ScheduleType;
  /** Required unless the type is `custom`. */
  readonly schedule_config?: ScheduleConfig | undefined;
}

/** A checked configuration, with the current difficulty if it is a state. */
export type ParsedCurriculumConfig = CurriculumConfig & { readonly current_difficulty?: number | undefined };

const needed = {
  fixed_linear: ['total_curriculum_step', 'difficulty_step'],
  fixed_root: ['total_curriculum_step', 'difficulty_step', 'root_degree'],
  fixed_discrete: ['difficulty', 'max_step'],
  custom: [],
} as const satisfies Record<ScheduleType, readonly (keyof ScheduleConfig)[]>;

/**
 * Checks a schedule and drops keys that it does not use.
 *
 * @param subject - Owner of the configuration, for the message.
 * @throws {@link ConfigError} naming every invalid field.
 */
export function parseCurriculumConfig(
  subject: string,
  config: unknown,
  parity: boolean,
): ParsedCurriculumConfig {
  const { min_difficulty, max_difficulty, schedule_type, schedule_config, current_difficulty } = parseOptions(
    subject,
    parity ? originalSchema : schema,
    config,
  );
  const problems = scheduleProblems(schedule_type, schedule_config ?? {});
  // DeepSpeed accepts an inverted range, whose schedule never moves.
  if (!parity && min_difficulty > max_difficulty) {
    problems.push({
      field: 'min_difficulty',
      message: `is ${min_difficulty}, above max_difficulty ${max_difficulty}`,
    });
  }
  if (problems.length > 0) throw new ConfigError(subject, problems);
  return {
    min_difficulty,
    max_difficulty,
    schedule_type,
    ...(schedule_config === undefined ? {} : { schedule_config }),
    ...(current_difficulty === undefined ? {} : { current_difficulty }),
  };
}

function scheduleProblems(type: ScheduleType, config: ScheduleConfig): ConfigProblem[] {
  const missing = needed[type].filter((key) => config[key] === undefined);
  if (missing.length > 0) {
    return missing.map((key) => ({
      field: `schedule_config.${key}`,
      message: `is missing; ${type} requires it`,
    }));
  }
  if (type !== 'fixed_discrete') return [];
  const { difficulty = [], max_step = [] } = config;
  if (difficulty.length === max_step.length + 1) return [];
  const message = `has ${difficulty.length} entries and max_step ${max_step.length}; there must be one difficulty more`;
  return [{ field: 'schedule_config.difficulty', message }];
}

/** A checked schedule as options of a `CurriculumSampler`; `custom` needs its function. */
export function scheduleOptionsOf(
  { schedule_type, schedule_config: settings = {} }: CurriculumConfig,
  custom?: (step: number) => number,
): ScheduleOptions | undefined {
  // The configuration is checked: what its type needs is there.
  const { total_curriculum_step: totalSteps = Number.NaN, difficulty_step = Number.NaN } = settings;
  const { root_degree: rootDegree = Number.NaN, difficulty: difficulties = [], max_step = [] } = settings;
  const rising = { totalSteps, difficultyStep: difficulty_step };
  switch (schedule_type) {
    case 'fixed_linear':
      return { type: 'linear', ...rising };
    case 'fixed_root':
      return { type: 'root', ...rising, rootDegree };
    case 'fixed_discrete':
      return { type: 'discrete', difficulties, lastSteps: max_step };
    case 'custom':
      return custom && { type: 'custom', totalSteps, difficultyAt: custom };
  }
}
