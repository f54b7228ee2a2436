import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, parseOptions } from '../core/options.js';
import { type Schedule, scheduleOf } from './schedule.js';
import {
  type CurriculumConfig,
  type ParsedCurriculumConfig,
  parseCurriculumConfig,
} from './schedule-config.js';

export interface CurriculumSchedulerOptions {
  /** Whether to give DeepSpeed's numbers, below `min_difficulty` and late at `max_difficulty` as they may be. @defaultValue `false` */
  readonly parity?: boolean;
}

const optionsSchema = v.strictObject({ parity: v.optional(booleanOption, false) });

/**
 * The difficulty that is admitted at each step. DeepSpeed's `CurriculumScheduler`; its schedules are described in
 * `fixed_linear`, `fixed_root` and `fixed_discrete` of the configuration, and `custom` is a function.
 *
 * Once the difficulty has reached `max_difficulty` it stays where it is, whatever the schedule says later.
 */
export class CurriculumScheduler {
  readonly #parity: boolean;
  #config: CurriculumConfig;
  #schedule: Schedule | undefined;
  #current: number;

  /**
   * @param config - In DeepSpeed's spelling.
   * @throws {@link ConfigError} naming every field that is missing or wrong.
   */
  constructor(config: CurriculumConfig | JsonObject, options: CurriculumSchedulerOptions = {}) {
    this.#parity = parseOptions('CurriculumScheduler options', optionsSchema, options).parity;
    this.#config = parseCurriculumConfig('CurriculumScheduler', config, this.#parity);
    this.#schedule = scheduleOf(this.#config, this.#parity);
    this.#current = this.#config.min_difficulty;
  }

  /** The difficulty of the last update; `min_difficulty` before the first. */
  get currentDifficulty(): number {
    return this.#current;
  }

  /** Moves to a step, counted from 1, and gives its difficulty. */
  updateDifficulty(step: number): number {
    if (this.#current < this.#config.max_difficulty) this.#current = this.getDifficulty(step);
    return this.#current;
  }

  /**
   * The difficulty the schedule gives a step, without moving there.
   *
   * @throws {@link ConfigError} for a `custom` schedule without its function.
   */
  getDifficulty(step: number): number {
    if (this.#schedule) return this.#schedule(step);
    throw new ConfigError('CurriculumScheduler', [
      { field: 'schedule_type', message: 'is custom, and no function was given with setCustomGetDifficulty' },
    ]);
  }

  /** Gives a `custom` schedule its function: step → difficulty. */
  setCustomGetDifficulty(schedule: (step: number) => number): void {
    this.#schedule = schedule;
  }

  /** The configuration with `current_difficulty`, in DeepSpeed's spelling. */
  getState(): JsonObject {
    const state = { ...this.#config, current_difficulty: this.#current };
    return JSON.parse(JSON.stringify(state)) as JsonObject;
  }

  /** Continues from a state. A function given to a `custom` schedule stays. @throws {@link ConfigError} */
  setState(state: JsonObject): void {
    const { current_difficulty, ...config }: ParsedCurriculumConfig = parseCurriculumConfig(
      'CurriculumScheduler state',
      state,
      this.#parity,
    );
    this.#config = config;
    this.#schedule = scheduleOf(config, this.#parity) ?? this.#schedule;
    this.#current = current_difficulty ?? config.min_difficulty;
  }
}
