import { ConfigError, StateMismatchError } from '../core/errors.js';
import type { Json, JsonObject } from '../core/json.js';
import { type LrScalingMethod, scaleLr } from './scale-lr.js';

/** Anything with learning rates, one per parameter group. */
export interface Optimizer {
  readonly paramGroups: readonly { lr: number }[];
}

/** The learning-rate scheduler to scale. It writes the rates of its optimizer's groups in `step`. */
export interface LrScheduler {
  /** Rates of the current step, one per group. */
  getLr(): readonly number[];
  /** Rates that the last `step` wrote. */
  getLastLr(): readonly number[];
  step(epoch?: number): void;
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
}

export interface VariableBatchSizeLrOptions {
  /** The optimizer whose learning rates are scaled. */
  readonly optimizer: Optimizer;
  /** Returns the rates before scaling. @defaultValue the optimizer's rates at construction */
  readonly scheduler?: LrScheduler;
  /** The batch size for which the rates were chosen. */
  readonly baseBatchSize: number;
  /** Size of each batch of an epoch, as `batchBySeqlens` returns them. At least one. */
  readonly batchSizes: readonly number[];
  /** How the rate depends on the size. @defaultValue `'linear'` */
  readonly method?: LrScalingMethod;
}

/**
 * Scales the learning rates of each step by the size of its batch. Call `step()` after each batch, as with any
 * scheduler; batch `k` of an epoch has `batchSizes[k]` sequences, and the epoch repeats.
 *
 * DeepSpeed's `VariableBatchSizeLR`. Its state belongs to the same step as that of the loader: save and load both
 * together, or {@link VariableBatchSizeLr.alignTo} the loader's step.
 */
export class VariableBatchSizeLr {
  readonly #optimizer: Optimizer;
  readonly #scheduler: LrScheduler;
  readonly #baseBatchSize: number;
  readonly #batchSizes: readonly number[];
  readonly #method: LrScalingMethod;
  #baseLrs: readonly number[];
  #lastEpoch = -1;

  /** @throws {@link ConfigError} if there are no batch sizes, or the scaling method is unknown. */
  constructor(options: VariableBatchSizeLrOptions) {
    const { optimizer, scheduler, baseBatchSize, batchSizes, method = 'linear' } = options;
    if (batchSizes.length === 0) {
      throw new ConfigError('VariableBatchSizeLr options', [
        { field: 'batchSizes', message: 'must have at least one size' },
      ]);
    }
    this.#optimizer = optimizer;
    this.#scheduler = scheduler ?? new ConstantLr(optimizer);
    this.#baseBatchSize = baseBatchSize;
    this.#batchSizes = [...batchSizes];
    this.#method = method;
    this.#baseLrs = [...this.#scheduler.getLr()];
    this.step(0);
  }

  /** Steps taken so far, without the one of the constructor. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** Takes the next step, or step `epoch`, and writes the scaled rates into the optimizer. */
  step(epoch?: number): void {
    this.#writeRates(epoch === 0 ? this.#baseLrs : this.#scheduler.getLastLr());
    this.#scheduler.step(epoch);
    this.#lastEpoch = epoch ?? this.#lastEpoch + 1;
    const batchSize = this.#batchSizes[this.#lastEpoch % this.#batchSizes.length] ?? this.#baseBatchSize;
    this.#writeRates(this.getLr().map((rate) => scaleLr(this.#baseBatchSize, batchSize, rate, this.#method)));
  }

  /** Takes steps until `lastEpoch` is the number of batches that the loader has delivered. */
  alignTo(deliveredBatches: number): void {
    while (this.#lastEpoch < deliveredBatches) this.step();
  }

  /** The current scaled rates, one per group. */
  getLr(): readonly number[] {
    return this.#optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** The rates of the underlying scheduler before scaling, as DeepSpeed returns them here. */
  getLastLr(): readonly number[] {
    return this.#scheduler.getLastLr();
  }

  /** DeepSpeed's keys. */
  stateDict(): JsonObject {
    return {
      base_lr_scheduler: this.#scheduler.stateDict?.() ?? {},
      base_batch_size: this.#baseBatchSize,
      lr_scaling_method: this.#method,
      batch_sizes: [...this.#batchSizes],
      base_lrs: [...this.#baseLrs],
      last_epoch: this.#lastEpoch,
    };
  }

  /** @throws {@link StateMismatchError} if the state was saved with other batch sizes or another scaling. */
  loadStateDict(state: JsonObject): void {
    const own = this.stateDict();
    for (const key of ['base_batch_size', 'lr_scaling_method', 'batch_sizes'] as const) {
      mustEqual(key, state[key], own[key]);
    }
    this.#scheduler.loadStateDict?.(state.base_lr_scheduler as JsonObject);
    this.#baseLrs = [...(state.base_lrs as readonly number[])];
    this.#lastEpoch = Number(state.last_epoch);
  }

  #writeRates(rates: readonly number[]): void {
    this.#optimizer.paramGroups.forEach((group, position) => {
      group.lr = rates[position] ?? group.lr;
    });
  }
}

function mustEqual(field: string, saved: Json | undefined, own: Json | undefined): void {
  if (JSON.stringify(saved) === JSON.stringify(own)) return;
  throw new StateMismatchError('The learning-rate state belongs to other batches', {
    where: { field },
    next: 'Create the scheduler from the packing with which the state was saved.',
  });
}

/** The initial rates of an optimizer, unchanged. */
class ConstantLr implements LrScheduler {
  readonly #rates: readonly number[];

  constructor(optimizer: Optimizer) {
    this.#rates = optimizer.paramGroups.map(({ lr }) => lr);
  }

  getLr(): readonly number[] {
    return this.#rates;
  }

  getLastLr(): readonly number[] {
    return this.#rates;
  }

  step(): void {}
}
