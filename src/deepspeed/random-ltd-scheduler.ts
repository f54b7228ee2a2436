// Random layerwise token dropping: Yao et al., Random-LTD: Random and Layerwise Token Dropping Brings Efficient Training
// for Large-scale Transformers, 2022. Here: the schedule of the kept sequence length and the tokens it consumes.
import * as v from 'valibot';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';

const schema = v.looseObject({
  total_layer_num: integerFrom(0),
  random_ltd_layer_num: integerFrom(0),
  global_batch_size: integerFrom(1),
  random_ltd_schedule: v.strictObject({
    min_value: integerFrom(0),
    max_value: integerFrom(1),
    schedule_type: v.literal('fixed_linear', 'must be fixed_linear, the only schedule supported'),
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
   * Whether to reproduce DeepSpeed's defects: the length may start below `min_value` and reach `max_value` late,
   * contradictory limits are accepted, and {@link RandomLtdScheduler.getTotalLayerTokens} advances the scheduler.
   * @defaultValue `false`
   */
  readonly parity?: boolean;
}

const optionsSchema = v.strictObject({ parity: v.optional(booleanOption, false) });

/** DeepSpeed's spelling. */
export interface RandomLtdState extends JsonObject {
  /** Tokens times layers computed so far: a number up to 2^53 - 1, a decimal string above. */
  readonly consumed_layer_tokens: number | string;
  /** The last step counted; −1 before the first. */
  readonly current_steps: number;
  readonly current_value: number;
  readonly min_value: number;
  readonly max_value: number;
}

const count = v.number('must be a number');
const stateSchema = v.object({
  consumed_layer_tokens: v.union([integerFrom(0), v.pipe(v.string(), v.digits())], 'must be an integer'),
  current_steps: count,
  current_value: count,
  min_value: count,
  max_value: count,
});

/** The running state. */
type Progress = Omit<v.InferOutput<typeof stateSchema>, 'consumed_layer_tokens'> & {
  readonly consumed_layer_tokens: bigint;
};

/**
 * Computes how many tokens of each sequence the dropping layers keep, step by step. DeepSpeed's `RandomLTDScheduler`.
 */
export class RandomLtdScheduler {
  readonly #config: v.InferOutput<typeof schema>;
  readonly #parity: boolean;
  #state: Progress;

  /** @throws {@link ConfigError} naming the field that is missing, invalid or not supported. */
  constructor(config: RandomLtdConfig, options: RandomLtdSchedulerOptions = {}) {
    const root = 'data_efficiency.data_routing.random_ltd';
    this.#config = parseOptions('Random-LTD', schema, config, root);
    this.#parity = parseOptions('RandomLtdScheduler options', optionsSchema, options).parity;
    if (!this.#parity) refuseContradictions(root, this.#config);
    this.#state = this.#initialState();
  }

  /** Tokens that a dropping layer currently keeps. */
  getCurrentSeq(): number {
    return this.#state.current_value;
  }

  /** Tokens times layers computed so far, exactly: a number up to 2^53 - 1, a `bigint` above. */
  get consumedLayerTokens(): number | bigint {
    return plainCount(this.#state.consumed_layer_tokens);
  }

  /**
   * Advances to global step `step`, counted from 0. Micro-steps of one global step count once. @returns The kept
   * length.
   */
  updateSeq(step: number): number {
    this.#state = this.#advance(this.#state, step);
    return this.#state.current_value;
  }

  /** Tokens times layers of the first `steps` steps, exactly: a number up to 2^53 - 1, a `bigint` above. */
  getTotalLayerTokens(steps: number): number | bigint {
    let state: Progress = this.#parity ? this.#state : this.#initialState();
    for (let step = 0; step < steps; step++) state = this.#advance(state, step);
    if (this.#parity) this.#state = state;
    return plainCount(state.consumed_layer_tokens);
  }

  /** Layers that drop tokens. */
  getRandomLtdLayerNum(): number {
    return this.#config.random_ltd_layer_num;
  }

  /** Sets the kept length. The next step changes it again, unless it is `max_value` or more. */
  setCurrentSeq(length: number): void {
    const { length: current_value } = parseOptions(
      'RandomLtdScheduler.setCurrentSeq',
      v.strictObject({ length: integerFrom(0) }),
      { length },
    );
    this.#state = { ...this.#state, current_value };
  }

  /** Returns to the state before the first step, with no tokens consumed. */
  resetToInit(): void {
    this.#state = this.#initialState();
  }

  stateDict(): RandomLtdState {
    const consumed = plainCount(this.#state.consumed_layer_tokens);
    return {
      ...this.#state,
      consumed_layer_tokens: typeof consumed === 'bigint' ? String(consumed) : consumed,
    };
  }

  /** @throws {@link ConfigError} naming the missing key. */
  loadStateDict(state: JsonObject): void {
    const { consumed_layer_tokens, ...rest } = parseOptions('Random-LTD state', stateSchema, state);
    this.#state = { ...rest, consumed_layer_tokens: BigInt(consumed_layer_tokens) };
  }

  #initialState(): Progress {
    const { min_value, max_value } = this.#config.random_ltd_schedule;
    return { consumed_layer_tokens: 0n, current_steps: -1, current_value: min_value, min_value, max_value };
  }

  #advance(state: Progress, step: number): Progress {
    const { current_value: before, max_value: max } = state;
    const current_value = before < max ? this.#valueAt(step, state) : before;
    if (step === state.current_steps) return { ...state, current_value };
    const { total_layer_num, random_ltd_layer_num, global_batch_size } = this.#config;
    const layerTokens = current_value * random_ltd_layer_num + max * (total_layer_num - random_ltd_layer_num);
    return {
      ...state,
      current_value,
      current_steps: step,
      consumed_layer_tokens: state.consumed_layer_tokens + BigInt(global_batch_size) * BigInt(layerTokens),
    };
  }

  #valueAt(step: number, { min_value: min, max_value: max }: Progress): number {
    const { require_steps, seq_per_step } = this.#config.random_ltd_schedule.schedule_config;
    const line = Math.floor((step / require_steps) * (max - min) + min);
    const value = Math.min(line - (line % seq_per_step), max);
    if (this.#parity) return value;
    return step >= require_steps ? max : Math.max(value, min);
  }
}

function refuseContradictions(root: string, config: v.InferOutput<typeof schema>): void {
  const { random_ltd_schedule, random_ltd_layer_num, total_layer_num } = config;
  const { min_value, max_value } = random_ltd_schedule;
  const problems: ConfigProblem[] = [];
  if (min_value > max_value) {
    const message = `is ${min_value}, above max_value ${max_value}`;
    problems.push({ field: `${root}.random_ltd_schedule.min_value`, message });
  }
  if (random_ltd_layer_num > total_layer_num) {
    const message = `is ${random_ltd_layer_num}, above total_layer_num ${total_layer_num}`;
    problems.push({ field: `${root}.random_ltd_layer_num`, message });
  }
  if (problems.length > 0) throw new ConfigError('Random-LTD', problems);
}

function plainCount(count: bigint): number | bigint {
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : count;
}
