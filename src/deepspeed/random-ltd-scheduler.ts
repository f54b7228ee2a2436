// Random layerwise token dropping: Yao et al., Random-LTD: Random and Layerwise Token Dropping Brings Efficient Training
// for Large-scale Transformers, 2022. Here: the schedule of the kept sequence length and the tokens it consumes.
import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';

const schema = v.looseObject({
  total_layer_num: integerFrom(0),
  random_ltd_layer_num: integerFrom(0),
  global_batch_size: integerFrom(1),
  random_ltd_schedule: v.strictObject({
    min_value: integerFrom(0),
    max_value: integerFrom(1),
    schedule_type: v.literal('fixed_linear', 'must be fixed_linear, the only schedule there is'),
    schedule_config: v.strictObject({ require_steps: integerFrom(1), seq_per_step: integerFrom(1) }),
  }),
  layer_token_lr_schedule: v.optional(
    v.looseObject({ enabled: v.literal(false, 'is not supported: must be false') }),
  ),
});

/** The `random_ltd` section of a DeepSpeed configuration, and the batch size that DeepSpeed's engine adds to it. */
export type RandomLtdConfig = v.InferInput<typeof schema>;

export interface RandomLtdSchedulerOptions {
  /**
   * As DeepSpeed: the length may start below `min_value` and reach `max_value` late, and
   * {@link RandomLtdScheduler.getTotalLayerTokens} moves the scheduler. @defaultValue `false`
   */
  readonly parity?: boolean;
}

const optionsSchema = v.strictObject({ parity: v.optional(booleanOption, false) });

/** DeepSpeed's spelling. */
export interface RandomLtdState extends JsonObject {
  /** Tokens times layers computed so far. */
  readonly consumed_layer_tokens: number;
  /** The last step counted, −1 before the first. */
  readonly current_steps: number;
  readonly current_value: number;
  readonly min_value: number;
  readonly max_value: number;
}

/** Says how many tokens of each sequence the dropping layers keep, step by step. DeepSpeed's `RandomLTDScheduler`. */
export class RandomLtdScheduler {
  readonly #config: v.InferOutput<typeof schema>;
  readonly #parity: boolean;
  #state: RandomLtdState;

  /** @throws {@link ConfigError} naming the field that is missing, wrong or not supported. */
  constructor(config: RandomLtdConfig, options: RandomLtdSchedulerOptions = {}) {
    const root = 'data_efficiency.data_routing.random_ltd';
    this.#config = parseOptions('Random-LTD', schema, config, root);
    this.#parity = parseOptions('RandomLtdScheduler options', optionsSchema, options).parity;
    const { min_value, max_value } = this.#config.random_ltd_schedule;
    const { total_layer_num, random_ltd_layer_num } = this.#config;
    refuseAbove(`${root}.random_ltd_schedule.min_value`, min_value, 'max_value', max_value);
    refuseAbove(`${root}.random_ltd_layer_num`, random_ltd_layer_num, 'total_layer_num', total_layer_num);
    this.#state = this.#initialState();
  }

  /** Tokens that a dropping layer keeps now. */
  getCurrentSeq(): number {
    return this.#state.current_value;
  }

  /** Tokens times layers computed so far. */
  get consumedLayerTokens(): number {
    return this.#state.consumed_layer_tokens;
  }

  /** Goes to global step `step`, counted from 0. Micro-steps of one global step count once. @returns the kept length. */
  updateSeq(step: number): number {
    this.#state = this.#advance(this.#state, step);
    return this.#state.current_value;
  }

  /** Tokens times layers of the first `steps` steps. */
  getTotalLayerTokens(steps: number): number {
    let state: RandomLtdState = this.#parity ? this.#state : this.#initialState();
    for (let step = 0; step < steps; step++) state = this.#advance(state, step);
    if (this.#parity) this.#state = state;
    return state.consumed_layer_tokens;
  }

  stateDict(): RandomLtdState {
    return { ...this.#state };
  }

  /** @throws {@link ConfigError} naming the key that is missing. */
  loadStateDict(state: JsonObject): void {
    const keys = Object.keys(this.#state);
    const missing = keys.filter((key) => typeof state[key] !== 'number');
    if (missing.length > 0) {
      throw new ConfigError(
        'Random-LTD state',
        missing.map((field) => ({ field, message: 'must be a number' })),
        { next: 'Load a state that RandomLtdScheduler.stateDict() gave.' },
      );
    }
    this.#state = Object.fromEntries(keys.map((key) => [key, state[key]])) as unknown as RandomLtdState;
  }

  #initialState(): RandomLtdState {
    const { min_value, max_value } = this.#config.random_ltd_schedule;
    return { consumed_layer_tokens: 0, current_steps: -1, current_value: min_value, min_value, max_value };
  }

  #advance(state: RandomLtdState, step: number): RandomLtdState {
    const { current_value: before, max_value: max } = state;
    const current_value = before < max ? this.#valueAt(step, state) : before;
    if (step === state.current_steps) return { ...state, current_value };
    const { total_layer_num, random_ltd_layer_num, global_batch_size } = this.#config;
    const layerTokens = current_value * random_ltd_layer_num + max * (total_layer_num - random_ltd_layer_num);
    return {
      ...state,
      current_value,
      current_steps: step,
      consumed_layer_tokens: state.consumed_layer_tokens + global_batch_size * layerTokens,
    };
  }

  #valueAt(step: number, { min_value: min, max_value: max }: RandomLtdState): number {
    const { require_steps, seq_per_step } = this.#config.random_ltd_schedule.schedule_config;
    const line = Math.floor((step / require_steps) * (max - min) + min);
    const value = Math.min(line - (line % seq_per_step), max);
    if (this.#parity) return value;
    return step >= require_steps ? max : Math.max(value, min);
  }
}

function refuseAbove(field: string, value: number, limitName: string, limit: number): void {
  if (value <= limit) return;
  throw new ConfigError('Random-LTD', [{ field, message: `is ${value}, above ${limitName} ${limit}` }]);
}
