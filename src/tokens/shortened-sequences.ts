import type { BatchContext, Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { zeroTensor } from '../core/tensor.js';
import { cutBatch, cutSample, type SequenceCut } from './cut-sequences.js';

/** A dataset of sequences, cut to a length that depends on the global step. Everything else is that of the dataset. */
export abstract class ShortenedSequences<T> implements Dataset<T> {
  readonly dataset: Dataset<T>;
  readonly getBatch?: NonNullable<Dataset<T>['getBatch']>;
  readonly indicesOf?: NonNullable<Dataset<T>['indicesOf']>;
  readonly prefetch?: NonNullable<Dataset<T>['prefetch']>;
  /** How sequences are cut. */
  abstract readonly cut: SequenceCut;

  constructor(dataset: Dataset<T>) {
    this.dataset = dataset;
    const whole = dataset.getBatch?.bind(dataset);
    if (whole) this.getBatch = (indices, context) => this.#batch(whole, indices, context);
    if (dataset.indicesOf) this.indicesOf = dataset.indicesOf.bind(dataset);
    if (dataset.prefetch) this.prefetch = dataset.prefetch.bind(dataset);
  }

  /** @internal The tokens of a sequence at a global step, or those of the longest; `undefined` where sequences stay as they are. */
  protected abstract lengthFor(globalStep: number | undefined | 'longest'): number | undefined;

  get length(): number {
    return this.dataset.length;
  }

  get scheduledBatchSize(): number | undefined {
    return this.dataset.scheduledBatchSize;
  }

  get variesByEpoch(): boolean {
    return this.dataset.variesByEpoch ?? false;
  }

  get shardLengths(): readonly number[] | undefined {
    return this.dataset.shardLengths;
  }

  get(index: number, context: SampleContext): MaybePromise<T> {
    const length = this.lengthFor(context.globalStep);
    const sample = this.dataset.get(index, context);
    if (length === undefined) return sample;
    return andThen(sample, (whole) => cutSample(whole, length, this.cut) as T);
  }

  #batch(getBatch: NonNullable<Dataset<T>['getBatch']>, indices: IndexArray, context: BatchContext): unknown {
    const length = this.lengthFor(indices.length === 0 ? 'longest' : context.sample(0).globalStep);
    if (length === undefined) return getBatch(indices, context);
    // The whole sequences are made in memory of their own; the batch gets what is kept of them.
    const whole = getBatch(indices, { ...context, allocate: zeroTensor });
    return andThen(whole, (batch) => cutBatch(batch, length, this.cut, context.allocate));
  }

  /** @internal */
  get madeFrom(): readonly Dataset<unknown>[] {
    return [this.dataset];
  }

  /** @internal */
  get sourceCount(): number {
    return this.dataset.sourceCount ?? 1;
  }

  close(): void | Promise<void> {
    return this.dataset.close?.();
  }
}
