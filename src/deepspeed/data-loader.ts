// Makes the types compile in projects whose lib setting lacks Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Collated } from '../core/collated.js';
import type { Dataset, IterableDataset } from '../core/dataset.js';
import { StateMismatchError } from '../core/errors.js';
import { isJsonObject, type JsonObject } from '../core/json.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import type { LoaderStats } from '../loader/index.js';
import { CurriculumBatches } from './curriculum-batches.js';
import { type DeepSpeedDataLoaderOptions, type LoaderPlan, planLoader } from './data-loader-options.js';
import { createCurriculumSampler, createOrder } from './data-loader-order.js';
import type { DeepSpeedDataSampler } from './data-sampler.js';
import type { SamplerSnapshot } from './data-sampler-snapshot.js';
import { InnerLoader } from './inner-loader.js';
import { loaderLength } from './loader-length.js';
import { SeqlenCurriculum } from './seqlen-curriculum.js';
import type { SizeChange } from './sized-batches.js';
import { drawBaseSeed, TorchRandomOrder } from './torch-random-order.js';
import { VariableBatchSampler } from './variable-batch-sampler.js';
import { type GatheredSamples, VariableDelivery } from './variable-delivery.js';

/** Changes a batch of a curriculum before it is delivered; receives the sampler's state as of this batch. */
export type PostProcess<B> = (batch: B, samplerState: JsonObject) => B | Promise<B>;

/**
 * Loads the samples of one data-parallel rank. DeepSpeed's `DeepSpeedDataLoader`, with its choice of sampler:
 *
 * - with curriculum learning, a {@link DeepSpeedDataSampler}: one pass has all epochs of the configuration;
 * - with a `VariableBatchSampler` as `dataSampler`, its batches;
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
 * @typeParam S - A sample after `transform`.
 * @typeParam B - A batch.
 */
export class DeepSpeedDataLoader<T, S = T, B = Collated<S, 'float32'>>
  implements AsyncIterable<B>, AsyncDisposable
{
  readonly dataset: Dataset<T> | IterableDataset<T>;
  /** Devices that this loader feeds. */
  readonly deviceCount: number;
  /** The sampler; none for an iterable dataset. */
  readonly dataSampler: DeepSpeedDataSampler | VariableBatchSampler | Sampler | undefined;
  /** Changes each batch with curriculum learning; not called without it. */
  postProcessFunc: PostProcess<B> | undefined;
  readonly #plan: LoaderPlan;
  readonly #curriculum:
    | { readonly sampler: DeepSpeedDataSampler; readonly batches: CurriculumBatches }
    | undefined;
  readonly #seqlen: SeqlenCurriculum | undefined;
  readonly #variable: VariableDelivery<S, B> | undefined;
  readonly #lengthAtFirst: number | null;
  readonly #inner: InnerLoader<T, S, B>;
  #live: AsyncGenerator<B, void, undefined> | undefined;
  #delivered: SamplerSnapshot | undefined;

  /**
   * @param dataset - Map-style, or iterable without curriculum learning.
   * @throws {@link ConfigError} if an option is unknown, invalid, or contradicts another one or the kind of dataset.
   */
  constructor(dataset: Dataset<T> | IterableDataset<T>, options: DeepSpeedDataLoaderOptions<T, S, B>) {
    this.#plan = planLoader(options, dataset);
    this.dataset = dataset;
    this.deviceCount = this.#plan.deviceCount;
    const { seqlenCurriculum, order, dataSampler, collateFn, samplePaddingFn, parity } = this.#plan;
    if (seqlenCurriculum) this.#seqlen = new SeqlenCurriculum(seqlenCurriculum, parity);
    let batches: BatchSampler | undefined;
    let sampler: Sampler | undefined;
    if (order === 'curriculum') {
      const drawn = createCurriculumSampler(this.#plan, dataset as Dataset<T>);
      const ofRank = new CurriculumBatches(drawn);
      this.#curriculum = { sampler: drawn, batches: ofRank };
      this.#delivered = drawn.snapshot;
      this.dataSampler = drawn;
      batches = ofRank;
    } else if (order === 'variable' && dataSampler instanceof VariableBatchSampler) {
      this.#variable = new VariableDelivery(
        dataSampler,
        collateFn as DeepSpeedDataLoaderOptions<T, S, B>['collateFn'],
        (samplePaddingFn as DeepSpeedDataLoaderOptions<T, S, B>['samplePaddingFn']) ?? undefined,
      );
      this.dataSampler = dataSampler;
      batches = dataSampler;
    } else {
      sampler = createOrder(this.#plan, dataset);
      this.dataSampler = sampler;
    }
    this.#inner = new InnerLoader(this.#plan, { dataset, batches, sampler });
    this.#lengthAtFirst = loaderLength(this.#plan, dataset, this.dataSampler);
  }

  /**
   * Batches per pass, or `null` if the length of the dataset is unknown. With `parity` it is fixed at construction
   * and, with curriculum learning, it is the samples of all ranks divided by the batch size of one, as in DeepSpeed.
   */
  get length(): number | null {
    if (this.#plan.parity) return this.#lengthAtFirst;
    return loaderLength(this.#plan, this.dataset, this.dataSampler);
  }

  /** Samples of one batch of this loader. */
  get batchSize(): number {
    return this.#inner.batchSize;
  }

  /** Tokens of a row under a curriculum by sequence length, as of the last batch delivered; `undefined` without one. */
  get curriculumSeqlen(): number | undefined {
    return this.#seqlen?.seqlen;
  }

  /**
   * Changes the samples of a batch from the next one on: the next batch begins with the sample that was due. DeepSpeed's loader keeps
   * its size.
   *
   * @throws {@link ConfigError} where the batches do not have one size: with curriculum learning, a `VariableBatchSampler`, or a stream.
   */
  setBatchSize(batchSize: number): void {
    this.#inner.setBatchSize(batchSize);
  }

  /** Micro-batches of a global step from now on, by which a curriculum by sequence length counts. */
  setGradientAccumulationSteps(count: number): void {
    if (this.#seqlen) this.#seqlen.gradientAccumulationSteps = count;
  }

  /** Number of workers. An assignment takes effect at the next iteration. */
  get numLocalIoWorkers(): number {
    return this.#inner.numWorkers;
  }

  set numLocalIoWorkers(count: number) {
    this.#inner.numWorkers = count;
  }

  /** The current epoch, or that of the next iteration. */
  get epoch(): number {
    return this.#inner.current.epoch;
  }

  /**
   * Selects the epoch of the next iteration. By default, each iteration is the epoch after the last one, except with
   * `parity`.
   */
  setEpoch(epoch: number): void {
    this.#inner.isInsidePass = false;
    this.#inner.current.setEpoch(epoch);
  }

  /**
   * One pass. With curriculum learning it continues after the last batch delivered. A loader has one pass at a time:
   * starting another one ends it.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    let batches = this.#beginPass();
    let { step } = this.#inner.current.stateDict();
    try {
      for (;;) {
        this.#plan.tputTimer?.start();
        if (this.#inner.isResized) {
          await batches.return();
          batches = this.#inner.open()[Symbol.asyncIterator]();
        }
        const next = await batches.next();
        this.#inner.isInsidePass = !next.done;
        if (next.done) return;
        yield await this.#deliver(next.value, step);
        step += 1;
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
    const seqlen = this.#seqlen && { seqlen_curriculum: this.#seqlen.stateDict() };
    if (this.#curriculum) return { ...this.#curriculum.sampler.stateDict(this.#delivered), ...seqlen };
    const order = this.dataSampler instanceof TorchRandomOrder ? this.dataSampler.orderState() : null;
    return { ...this.#inner.stateDict(), order, ...seqlen };
  }

  /**
   * Continues from a saved state with exactly the batches that were due: none lost, none twice. Ends the current
   * pass.
   *
   * @throws {@link StateMismatchError} if the state belongs to another dataset, sampler or configuration.
   */
  loadStateDict({ seqlen_curriculum: seqlen, ...state }: JsonObject): void {
    if ((seqlen !== undefined) !== (this.#seqlen !== undefined)) throw foreignState('seqlen_curriculum');
    this.#live = undefined;
    this.#inner.isInsidePass = false;
    this.#seqlen?.loadStateDict(seqlen);
    if (this.#curriculum) {
      const { sampler } = this.#curriculum;
      sampler.loadStateDict(state);
      this.#delivered = undefined;
      this.#inner.current.setEpoch(0);
      return;
    }
    if (!isJsonObject(state.loader)) throw foreignState('loader');
    if (this.dataSampler instanceof TorchRandomOrder) {
      if (!isJsonObject(state.order)) throw foreignState('order');
      this.dataSampler.loadOrderState(state.order);
    }
    this.#inner.loadStateDict(state.loader, state.sizes as readonly SizeChange[] | undefined);
  }

  /** Waiting times and counts since the last change of the number of workers. */
  stats(): LoaderStats {
    return this.#inner.current.stats();
  }

  /** Ends the workers and the current pass. */
  async close(): Promise<void> {
    await this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #beginPass(): AsyncGenerator<B, void, undefined> {
    const loader = this.#inner.open();
    if (!(this.dataSampler instanceof TorchRandomOrder)) drawBaseSeed();
    if (this.#curriculum) {
      const { sampler, batches } = this.#curriculum;
      batches.stateAhead = this.#plan.parity ? 2 * this.#inner.numWorkers : 0;
      // With parity, the state is ahead of the batch, and batches that PyTorch had drawn in advance are lost, as in
      // DeepSpeed.
      if (this.#delivered) sampler.restore(this.#delivered);
      // A curriculum has all epochs in one pass.
      loader.setEpoch(0);
    }
    return loader[Symbol.asyncIterator]();
  }

  async #deliver(made: B, step: number): Promise<B> {
    const batch = this.#variable ? await this.#variable.deliver(made as GatheredSamples<S>, step) : made;
    const processed = this.#curriculum ? await this.#postProcess(batch, this.#curriculum) : batch;
    return this.#seqlen ? this.#seqlen.cut(processed) : processed;
  }

  #postProcess(
    batch: B,
    { sampler, batches }: { readonly sampler: DeepSpeedDataSampler; readonly batches: CurriculumBatches },
  ): B | Promise<B> {
    this.#delivered = batches.nextSnapshot();
    return this.postProcessFunc ? this.postProcessFunc(batch, sampler.stateDict(this.#delivered)) : batch;
  }
}

function foreignState(field: string): StateMismatchError {
  return new StateMismatchError('The state belongs to another kind of loader', {
    where: { field },
    next: 'Create the loader with the options with which the state was saved.',
  });
}
