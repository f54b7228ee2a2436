// Makes the types compile in projects whose lib setting lacks Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Collate } from '../core/collate.js';
import type { Collated } from '../core/collated.js';
import type { Dataset, IterableDataset } from '../core/dataset.js';
import { StateMismatchError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { Sampler } from '../core/sampler.js';
import { DataLoader, type DataLoaderOptions, type LoaderStats } from '../loader/index.js';
import { CurriculumBatches } from './curriculum-batches.js';
import {
  type DeepSpeedDataLoaderOptions,
  type LoaderPlan,
  type PassedOnOptions,
  planLoader,
} from './data-loader-options.js';
import { createCurriculumSampler, createOrder, WithoutEpochs } from './data-loader-order.js';
import type { DeepSpeedDataSampler } from './data-sampler.js';
import type { SamplerSnapshot } from './data-sampler-snapshot.js';
import { loaderLength } from './loader-length.js';
import { torchCollate } from './torch-collate.js';
import { drawBaseSeed, TorchRandomOrder } from './torch-random-order.js';
import { workersForMovable } from './worker-fallback.js';

/** Changes a batch of a curriculum before it is delivered; receives the sampler's state as of this batch. */
export type PostProcess<B> = (batch: B, samplerState: JsonObject) => B | Promise<B>;

/**
 * Loads the samples of one data-parallel rank. DeepSpeed's `DeepSpeedDataLoader`, with its choice of sampler:
 *
 * - with curriculum learning, a {@link DeepSpeedDataSampler}: one pass has all epochs of the configuration;
 * - in a distributed run (`localRank` ≥ 0), `dataSampler`, else a `DistributedSampler` in PyTorch's order;
 * - otherwise `dataSampler`, else PyTorch's random order from its process-wide generator.
 *
 * `dataloaderDropLast` drops a short last batch; the distributed sampler still repeats samples, so that all ranks
 * have the same number.
 *
 * ```ts
 * const loader = new DeepSpeedDataLoader(dataset, { batchSize: 8, localRank, dataParallelWorldSize, dataParallelRank
 * });
 * for await (const batch of loader) train(batch);
 * ```
 *
 * @typeParam T - A sample.
 * @typeParam B - A batch.
 */
export class DeepSpeedDataLoader<T, B = Collated<T, 'float32'>> implements AsyncIterable<B>, AsyncDisposable {
  readonly dataset: Dataset<T> | IterableDataset<T>;
  /** Samples of one batch of this loader. */
  readonly batchSize: number;
  /** Devices that this loader feeds. */
  readonly deviceCount: number;
  /** The sampler; none for an iterable dataset. */
  readonly dataSampler: DeepSpeedDataSampler | Sampler | undefined;
  /** Changes each batch with curriculum learning; not called without it. */
  postProcessFunc: PostProcess<B> | undefined;
  readonly #plan: LoaderPlan;
  readonly #curriculum:
    | { readonly sampler: DeepSpeedDataSampler; readonly batches: CurriculumBatches }
    | undefined;
  readonly #lengthAtFirst: number | null;
  #numWorkers: number;
  #workersWereChosen: boolean;
  #loader: DataLoader<T, 'float32', B, boolean> | undefined;
  #loaderWorkers = 0;
  /** Whether some but not all batches of the current epoch were delivered: the next pass is then another epoch. */
  #isInsidePass = false;
  #live: AsyncGenerator<B, void, undefined> | undefined;
  #delivered: SamplerSnapshot | undefined;

  /**
   * @param dataset - Map-style, or iterable without curriculum learning.
   * @throws {@link ConfigError} if an option is unknown, invalid, or contradicts another one or the kind of dataset.
   */
  constructor(dataset: Dataset<T> | IterableDataset<T>, options: DeepSpeedDataLoaderOptions<T, B>) {
    this.#plan = planLoader(options, dataset);
    this.dataset = dataset;
    this.batchSize = this.#plan.batchSize;
    this.deviceCount = this.#plan.deviceCount;
    this.#numWorkers = this.#plan.numWorkers;
    this.#workersWereChosen = this.#plan.workersWereChosen;
    if (this.#plan.order === 'curriculum') {
      const sampler = createCurriculumSampler(this.#plan, dataset as Dataset<T>);
      this.#curriculum = { sampler, batches: new CurriculumBatches(sampler) };
      this.#delivered = sampler.snapshot;
      this.dataSampler = sampler;
    } else {
      this.dataSampler = createOrder(this.#plan, dataset);
    }
    this.#lengthAtFirst = loaderLength(this.#plan, dataset, this.dataSampler);
  }

  /**
   * Batches per pass, or `null` if the dataset does not know its length. With `parity` it is fixed at construction
   * and, with curriculum learning, it is the samples of all ranks divided by the batch size of one, as in DeepSpeed.
   */
  get length(): number | null {
    if (this.#plan.parity) return this.#lengthAtFirst;
    return loaderLength(this.#plan, this.dataset, this.dataSampler);
  }

  /** Number of workers. An assignment takes effect at the next iteration. */
  get numLocalIoWorkers(): number {
    return this.#numWorkers;
  }

  set numLocalIoWorkers(count: number) {
    this.#numWorkers = parseOptions('numLocalIoWorkers', integerFrom(0), count);
    this.#workersWereChosen = true;
  }

  /** The current epoch, or that of the next iteration. */
  get epoch(): number {
    return this.#currentLoader().epoch;
  }

  /**
   * Selects the epoch of the next iteration. By default, each iteration is the epoch after the last one, except with
   * `parity`.
   */
  setEpoch(epoch: number): void {
    this.#isInsidePass = false;
    this.#currentLoader().setEpoch(epoch);
  }

  /**
   * One pass. With curriculum learning it continues after the last batch delivered. A loader has one pass at a time:
   * starting another one ends it.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    const batches = this.#beginPass();
    try {
      for (;;) {
        this.#plan.tputTimer?.start();
        const next = await batches.next();
        this.#isInsidePass = !next.done;
        if (next.done) return;
        yield await this.#deliver(next.value);
      }
    } finally {
      await batches.return();
    }
  }

  /** The next batch of the pass that `next` itself started. */
  async next(): Promise<IteratorResult<B, void>> {
    this.#live ??= this[Symbol.asyncIterator]();
    const batch = await this.#live.next();
    if (batch.done) this.#live = undefined;
    return batch;
  }

  /**
   * The state as plain JSON; batches that were prefetched but not delivered do not count. With curriculum learning it
   * is the sampler's state as of the last batch delivered, in DeepSpeed's spelling.
   */
  stateDict(): JsonObject {
    if (this.#curriculum) return this.#curriculum.sampler.stateDict(this.#delivered);
    const order = this.dataSampler instanceof TorchRandomOrder ? this.dataSampler.orderState() : null;
    return { loader: this.#currentLoader().stateDict(), order };
  }

  /**
   * Continues from a saved state with exactly the batches that were due: none lost, none twice. Ends the current
   * pass.
   *
   * @throws {@link StateMismatchError} if the state belongs to another dataset, sampler or configuration.
   */
  loadStateDict(state: JsonObject): void {
    this.#live = undefined;
    this.#isInsidePass = false;
    if (this.#curriculum) {
      const { sampler } = this.#curriculum;
      sampler.loadStateDict(state);
      this.#delivered = undefined;
      this.#currentLoader().setEpoch(0);
      return;
    }
    if (typeof state.loader !== 'object') throw foreignState();
    if (this.dataSampler instanceof TorchRandomOrder) {
      if (state.order === null) throw foreignState();
      this.dataSampler.loadOrderState(state.order as JsonObject);
    }
    this.#currentLoader().loadStateDict(state.loader as JsonObject);
  }

  /** Waiting times and counts since the last change of the number of workers. */
  stats(): LoaderStats {
    return this.#currentLoader().stats();
  }

  /** Ends the workers and the current pass. */
  async close(): Promise<void> {
    await this.#loader?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #beginPass(): AsyncGenerator<B, void, undefined> {
    const loader = this.#openLoader();
    if (!(this.dataSampler instanceof TorchRandomOrder)) drawBaseSeed();
    if (this.#curriculum) {
      const { sampler, batches } = this.#curriculum;
      batches.stateAhead = this.#plan.parity ? 2 * this.#numWorkers : 0;
      // With parity, the state is ahead of the batch, and batches that PyTorch had drawn in advance are lost, as in
      // DeepSpeed.
      if (this.#delivered) sampler.restore(this.#delivered);
      // A curriculum has all epochs in one pass.
      loader.setEpoch(0);
    }
    return loader[Symbol.asyncIterator]();
  }

  async #deliver(batch: B): Promise<B> {
    if (!this.#curriculum) return batch;
    const { sampler, batches } = this.#curriculum;
    this.#delivered = batches.nextSnapshot();
    return this.postProcessFunc ? this.postProcessFunc(batch, sampler.stateDict(this.#delivered)) : batch;
  }

  #currentLoader(): DataLoader<T, 'float32', B, boolean> {
    return this.#loader ?? this.#openLoader();
  }

  /**
   * The loader with the requested number of workers. A change makes a new loader that continues where the old one
   * stopped.
   */
  #openLoader(): DataLoader<T, 'float32', B, boolean> {
    if (this.#loader && this.#loaderWorkers === this.#numWorkers) return this.#loader;
    const before = this.#loader;
    this.#loader = new DataLoader<T, 'float32', B, boolean>(this.dataset, this.#loaderOptions());
    this.#loaderWorkers = this.#numWorkers;
    if (before && this.#isInsidePass) this.#loader.setEpoch(before.epoch + 1);
    else if (before) this.#loader.loadStateDict(before.stateDict());
    void before?.close();
    return this.#loader;
  }

  #loaderOptions(): DataLoaderOptions<T, 'float32', B> {
    const { batchSize, worldSize, rank, pinMemory, collateFn, dataloaderDropLast: dropLast } = this.#plan;
    const given = collateFn as DeepSpeedDataLoaderOptions<T, B>['collateFn'];
    const collate = given ?? (this.#plan.parity ? (torchCollate() as Collate<T, B>) : undefined);
    const workers = this.#numWorkers;
    const numWorkers = this.#workersWereChosen ? workers : workersForMovable(this.dataset, workers);
    const { prefetchFactor, persistentWorkers, ...passedOn } = this.#plan.loaderOptions as PassedOnOptions<T>;
    const ofWorkers = numWorkers > 0 && {
      ...(prefetchFactor !== undefined && { prefetchFactor }),
      ...(persistentWorkers !== undefined && { persistentWorkers }),
    };
    const common = { ...passedOn, ...ofWorkers, numWorkers, pinMemory, ...(collate && { collate }) };
    if (this.#curriculum) return { ...common, batchSampler: this.#curriculum.batches };
    if (this.dataSampler) return { ...common, sampler: this.#samplerOfPasses(), batchSize, dropLast };
    return { ...common, batchSize: batchSize * worldSize, worldSize, rank, dropLast };
  }

  #samplerOfPasses(): Sampler {
    const sampler = this.dataSampler as Sampler;
    return this.#plan.parity && !(sampler instanceof TorchRandomOrder) ? new WithoutEpochs(sampler) : sampler;
  }
}

function foreignState(): StateMismatchError {
  return new StateMismatchError('The state belongs to another kind of loader', {
    where: { field: 'loader' },
    next: 'Create the loader with the options with which the state was saved.',
  });
}
