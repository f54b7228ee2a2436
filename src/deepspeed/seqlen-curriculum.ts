import * as v from 'valibot';
import type { JsonObject } from '../core/json.js';
import { lastOf } from '../core/last-of.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { CurriculumScheduler } from './curriculum-scheduler.js';
import { cutToSeqlen, type SeqlenWay } from './cut-to-seqlen.js';
import type { CurriculumConfig } from './schedule-config.js';

/** DeepSpeed's legacy curriculum, `curriculum_learning`: the length of sequences rises with the global step. */
export interface SeqlenCurriculumOptions {
  /** The section `curriculum_learning`, in DeepSpeed's spelling. */
  readonly config: CurriculumConfig | JsonObject;
  /** Micro-batches of a global step. @defaultValue `1` */
  readonly gradientAccumulationSteps?: number | undefined;
  /** What happens to longer rows: see `cutToSeqlen`. @defaultValue `'truncate'` */
  readonly way?: SeqlenWay | undefined;
}

const stateSchema = v.object({
  global_step: integerFrom(0),
  micro_step: integerFrom(0),
  current_difficulty: v.number('must be a number'),
});

/** Cuts the batches of a loader to the length of their global step. */
export class SeqlenCurriculum {
  readonly #scheduler: CurriculumScheduler;
  readonly #way: SeqlenWay;
  #microSteps: number;
  /** Place of the next batch. */
  #globalStep = 0;
  #microStep = 0;

  constructor(
    { config, gradientAccumulationSteps = 1, way = 'truncate' }: SeqlenCurriculumOptions,
    parity: boolean,
  ) {
    this.#scheduler = new CurriculumScheduler(config, { parity });
    this.#way = way;
    this.#microSteps = gradientAccumulationSteps;
  }

  /** Tokens of a row in the last batch that was cut; at first, those of the first one. */
  get seqlen(): number {
    return this.#scheduler.currentDifficulty;
  }

  /** Micro-batches of a global step from now on. */
  set gradientAccumulationSteps(count: number) {
    this.#microSteps = count;
  }

  /** Cuts the next batch. */
  cut<B>(batch: B): B {
    const seqlen = this.#scheduler.updateDifficulty(this.#globalStep + 1);
    this.#microStep += 1;
    if (this.#microStep >= this.#microSteps) {
      this.#microStep = 0;
      this.#globalStep += 1;
    }
    return cutToSeqlen(batch, Math.max(1, Math.floor(seqlen)), { way: this.#way });
  }

  stateDict(): JsonObject {
    return {
      global_step: this.#globalStep,
      micro_step: this.#microStep,
      current_difficulty: this.#scheduler.currentDifficulty,
    };
  }

  /** @throws {@link ConfigError} naming the key that is missing or wrong. */
  loadStateDict(state: unknown): void {
    const { global_step, micro_step, current_difficulty } = parseOptions(
      'Curriculum by sequence length, state',
      stateSchema,
      state,
    );
    this.#globalStep = global_step;
    this.#microStep = micro_step;
    this.#scheduler.setCurrentDifficulty(current_difficulty);
  }
}

/** The lengths of a schedule over a run, each from a global step on, counted from 0. O(steps of the schedule). */
export function seqlenChanges(config: CurriculumConfig, parity: boolean): { step: number; length: number }[] {
  const { min_difficulty, max_difficulty, schedule_type, schedule_config } = config;
  const schedule = { min_difficulty, max_difficulty, schedule_type, schedule_config };
  const scheduler = new CurriculumScheduler(schedule, { parity });
  const last = Math.min(lastChange(config), mostSteps);
  const changes: { step: number; length: number }[] = [];
  for (let step = 0; step < last; step++) {
    const length = scheduler.updateDifficulty(step + 1);
    if (changes.at(-1)?.length !== length) changes.push({ step, length });
    if (length >= config.max_difficulty) break;
  }
  return changes;
}

/** Steps of a schedule that are looked at. */
const mostSteps = 10_000_000;

/** A step from which on a schedule stays as it is. With `parity`, one that rises reaches its maximum late. */
function lastChange({ schedule_config = {}, min_difficulty, max_difficulty }: CurriculumConfig): number {
  const { total_curriculum_step = 0, difficulty_step = 0, root_degree = 1, max_step = [] } = schedule_config;
  if (max_step.length > 0) return Math.ceil(lastOf(max_step)) + 1;
  const range = Math.max(max_difficulty - min_difficulty, 1);
  return Math.ceil(total_curriculum_step * ((range + difficulty_step) / range) ** root_degree) + 1;
}
