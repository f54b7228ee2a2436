import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, parseOptions } from '../core/options.js';
import { propertyOf } from '../core/property-of.js';
import { warn } from '../core/warn.js';
import { scheduleOf } from '../curriculum/schedule-options.js';
import type { Schedule } from '../curriculum/schedules.js';
import { originalSchedule } from './original-schedules.js';
import {
  type CurriculumConfig,
  type ParsedCurriculumConfig,
  parseCurriculumConfig,
  scheduleOptionsOf,
} from './schedule-config.js';

export interface CurriculumSchedulerOptions {
  /**
   * Whether to return DeepSpeed's numbers, which may start below `min_difficulty` and reach `max_difficulty` late.
   * @defaultValue `false`
   */
  readonly parity?: boolean;
}

const optionsSchema = v.strictObject({ parity: v.optional(booleanOption, false) });

/**
 * The difficulty that each step admits. DeepSpeed's `CurriculumScheduler`, with the schedules `fixed_linear`,
 * `fixed_root`, `fixed_discrete` and `custom`, a function.
 *
 * Once the difficulty has reached `max_difficulty`, it stays there.
 */
export class CurriculumScheduler {
  readonly #parity: boolean;
  #config: CurriculumConfig;
  #schedule: Schedule | undefined;
  #current: number;

  /**
   * @param config - In DeepSpeed's spelling.
   * @throws {@link ConfigError} naming every missing or invalid field.
   */
  constructor(config: CurriculumConfig | JsonObject, options: CurriculumSchedulerOptions = {}) {
    this.#parity = parseOptions('CurriculumScheduler options', optionsSchema, options).parity;
    this.#config = parseCurriculumConfig('CurriculumScheduler', config, this.#parity);
    this.#schedule = scheduleFrom(this.#config, this.#parity);
    this.#current = this.#config.min_difficulty;
    if (propertyOf(config, 'curriculum_type') === 'seqlen') warnAboutStep(this.#config);
  }

  /** The difficulty of the last update; `min_difficulty` before the first. */
  get currentDifficulty(): number {
    return this.#current;
  }

  /** Moves to a step, counted from 1, and returns its difficulty. */
  updateDifficulty(step: number): number {
    if (this.#current < this.#config.max_difficulty) this.#current = this.getDifficulty(step);
    return this.#current;
  }

  /**
   * The difficulty of a step, without moving there.
   *
   * @throws {@link ConfigError} for a `custom` schedule without its function.
   */
  getDifficulty(step: number): number {
    if (this.#schedule) return this.#schedule(step);
    throw new ConfigError('CurriculumScheduler', [
      { field: 'schedule_type', message: 'is custom and has no function; call setCustomGetDifficulty first' },
    ]);
  }

  /** Sets the function of a `custom` schedule: step → difficulty. */
  setCustomGetDifficulty(schedule: (step: number) => number): void {
    this.#schedule = schedule;
  }

  /** Sets the current difficulty. The next update changes it again, unless it is `max_difficulty` or more. */
  setCurrentDifficulty(difficulty: number): void {
    const schema = v.strictObject({
      difficulty: v.pipe(v.number('must be a number'), v.finite('must be finite')),
    });
    this.#current = parseOptions('CurriculumScheduler.setCurrentDifficulty', schema, {
      difficulty,
    }).difficulty;
  }

  /** The configuration with `current_difficulty`, in DeepSpeed's spelling. */
  getState(): JsonObject {
    const state = { ...this.#config, current_difficulty: this.#current };
    return JSON.parse(JSON.stringify(state));
  }

  /** Continues from a state. The function of a `custom` schedule stays set. @throws {@link ConfigError} */
  setState(state: JsonObject): void {
    const { current_difficulty, ...config }: ParsedCurriculumConfig = parseCurriculumConfig(
      'CurriculumScheduler state',
      state,
      this.#parity,
    );
    this.#config = config;
    this.#schedule = scheduleFrom(config, this.#parity) ?? this.#schedule;
    this.#current = current_difficulty ?? config.min_difficulty;
  }
}

/** DeepSpeed warns alike, whatever the metric. */
function warnAboutStep({ schedule_config }: CurriculumConfig): void {
  const step = schedule_config?.difficulty_step;
  if (step === undefined || step % 8 === 0) return;
  warn({
    code: 'MILLRACE_SEQLEN_STEP',
    message: `difficulty_step is ${step}: sequence lengths that are not multiples of 8 (of 16 for int8 data) do not use the Tensor Cores of NVIDIA's GPUs.`,
  });
}

function scheduleFrom(config: CurriculumConfig, parity: boolean): Schedule | undefined {
  if (parity) return originalSchedule(config);
  const options = scheduleOptionsOf(config);
  const range = { min: config.min_difficulty, max: config.max_difficulty };
  return options && options.type !== 'custom' ? scheduleOf(options, range) : undefined;
}
