import * as v from 'valibot';
import type { Dataset, IterableDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import { DataLoader } from '../loader/index.js';
import type { LoaderPlan } from './data-loader-options.js';
import { innerLoaderOptions, samplerOfPasses } from './inner-loader-options.js';
import { type SizeChange, SizedBatches } from './sized-batches.js';

/** What an {@link InnerLoader} loads. */
export interface InnerLoaderSource<T> {
  readonly dataset: Dataset<T> | IterableDataset<T>;
  /** Gives whole batches, if the order does. */
  readonly batches: BatchSampler | undefined;
  /** Gives indices, if `batches` is absent; none for a stream. */
  readonly sampler: Sampler | undefined;
}

/**
 * The `DataLoader` that makes the batches of a `DeepSpeedDataLoader`. When the number of workers or the size of batches changes, a
 * new one takes its place and continues where it stopped.
 */
export class InnerLoader<T, S, B> {
  /** Whether some but not all batches of the current epoch were delivered: the next pass is then another epoch. */
  isInsidePass = false;
  readonly #plan: LoaderPlan;
  readonly #source: InnerLoaderSource<T>;
  #numWorkers: number;
  #workersWereChosen: boolean;
  /** Sizes of batches since they were changed. */
  #sizes: readonly SizeChange[] | undefined;
  #isResized = false;
  #loader: DataLoader<T, 'float32', S, B, boolean> | undefined;
  #loaderWorkers = 0;

  constructor(plan: LoaderPlan, source: InnerLoaderSource<T>) {
    this.#plan = plan;
    this.#source = source;
    this.#numWorkers = plan.numWorkers;
    this.#workersWereChosen = plan.workersWereChosen;
  }

  get numWorkers(): number {
    return this.#numWorkers;
  }

  /** Takes effect at the next pass. */
  set numWorkers(count: number) {
    this.#numWorkers = parseOptions('numLocalIoWorkers', integerFrom(0), count);
    this.#workersWereChosen = true;
  }

  /** Samples of a batch. */
  get batchSize(): number {
    return this.#sizes?.at(-1)?.size ?? this.#plan.batchSize;
  }

  /** Whether the size of batches was changed after the loader was made: {@link open} then makes another one. */
  get isResized(): boolean {
    return this.#isResized;
  }

  /** Changes the size of batches from the next one on. @throws {@link ConfigError} where the order decides it */
  setBatchSize(batchSize: number): void {
    const schema = v.strictObject({ batchSize: integerFrom(1) });
    const { batchSize: size } = parseOptions('DeepSpeedDataLoader.setBatchSize', schema, { batchSize });
    if (this.#source.batches || !this.#source.sampler) {
      const message = 'cannot change: the order of this loader decides the size of its batches';
      throw new ConfigError('DeepSpeedDataLoader.setBatchSize', [{ field: 'batchSize', message }]);
    }
    if (size === this.batchSize) return;
    const { epoch, step } = this.current.stateDict();
    const first = { epoch: 0, batch: 0, size: this.#plan.batchSize };
    const before = (this.#sizes ?? [first]).filter(
      (change) => change.epoch !== epoch || change.batch !== step,
    );
    this.#sizes = [...before, { epoch, batch: step, size }];
    this.#isResized = true;
  }

  /** The loader of the last pass; before the first one, that of the first. */
  get current(): DataLoader<T, 'float32', S, B, boolean> {
    return this.#loader ?? this.open();
  }

  /** The loader with the workers and sizes that are set now. */
  open(): DataLoader<T, 'float32', S, B, boolean> {
    if (this.#loader && this.#loaderWorkers === this.#numWorkers && !this.#isResized) return this.#loader;
    const before = this.#loader;
    const { dataset, sampler } = this.#source;
    this.#loader = new DataLoader<T, 'float32', S, B, boolean>(
      dataset,
      innerLoaderOptions<T, S, B>(this.#plan, {
        dataset,
        numWorkers: this.#numWorkers,
        workersWereChosen: this.#workersWereChosen,
        batches: this.#batches(),
        sampler: sampler && samplerOfPasses(this.#plan, sampler),
      }),
    );
    this.#loaderWorkers = this.#numWorkers;
    if (before) this.#continueFrom(before, this.#loader);
    this.#isResized = false;
    void before?.close();
    return this.#loader;
  }

  /** The position of the loader, and the sizes of batches if they were changed. */
  stateDict(): { readonly loader: JsonObject; readonly sizes?: readonly SizeChange[] } {
    return { loader: this.current.stateDict(), ...(this.#sizes && { sizes: [...this.#sizes] }) };
  }

  /** @throws {@link StateMismatchError} if the position is one of another dataset or sampler. */
  loadStateDict(loader: JsonObject, sizes: readonly SizeChange[] | undefined): void {
    if (JSON.stringify(sizes) !== JSON.stringify(this.#sizes)) {
      this.#sizes = sizes;
      this.#isResized = false;
      void this.#loader?.close();
      this.#loader = undefined;
    }
    this.current.loadStateDict(loader);
  }

  async close(): Promise<void> {
    await this.#loader?.close();
  }

  #continueFrom(
    before: DataLoader<T, 'float32', S, B, boolean>,
    loader: DataLoader<T, 'float32', S, B, boolean>,
  ): void {
    if (this.#isResized) {
      // Batches before the change keep their numbers.
      const { epoch, step, samplerState } = before.stateDict();
      if (samplerState) this.#source.sampler?.loadStateDict?.(samplerState);
      loader.seek({ epoch, step });
    } else if (this.isInsidePass) loader.setEpoch(before.epoch + 1);
    else loader.loadStateDict(before.stateDict());
  }

  #batches(): BatchSampler | undefined {
    const { batches, sampler } = this.#source;
    if (batches || !sampler || !this.#sizes) return batches;
    return new SizedBatches(samplerOfPasses(this.#plan, sampler), this.#sizes, this.#plan.dataloaderDropLast);
  }
}
