import type { BatchContext, Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import { firstAbove } from '../core/first-above.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { type OriginContext, originOf, type StatedOrigin } from '../core/sample-origin.js';
import { zeroTensor } from '../core/tensor.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { cutBatch, cutSample } from './cut-sequences.js';

/** From a global step on, sequences have this many tokens. */
export interface SequenceLengthChange {
  /** Counted from 0. */
  readonly step: number;
  /** A divisor of the length of the dataset's sequences. */
  readonly length: number;
}

/**
 * A dataset of sequences of one length, which it splits into shorter ones from some global steps on: `[S]` becomes `[S / L, L]`. With the
 * whole length, samples stay as they are. A loader makes it when its sequence length is amended.
 */
export class SplitSequences<T> implements Dataset<T>, Movable {
  readonly dataset: Dataset<T>;
  /** Ascending by step. */
  readonly changes: readonly SequenceLengthChange[];
  /** Tokens of a sequence of the dataset. */
  readonly whole: number;
  readonly getBatch?: NonNullable<Dataset<T>['getBatch']>;
  readonly indicesOf?: NonNullable<Dataset<T>['indicesOf']>;
  readonly prefetch?: NonNullable<Dataset<T>['prefetch']>;
  readonly #starts: readonly number[];

  constructor(dataset: Dataset<T>, whole: number, changes: readonly SequenceLengthChange[]) {
    this.dataset = dataset;
    this.whole = whole;
    this.changes = changes;
    this.#starts = changes.map(({ step }) => step);
    if (dataset.getBatch) this.getBatch = (indices, context) => this.#batch(indices, context);
    if (dataset.indicesOf) this.indicesOf = dataset.indicesOf.bind(dataset);
    if (dataset.prefetch) this.prefetch = dataset.prefetch.bind(dataset);
  }

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
    const length = this.#lengthAt(context.globalStep);
    const sample = this.dataset.get(index, context);
    if (length === this.whole) return sample;
    return andThen(sample, (whole) => cutSample(whole, length, 'split') as T);
  }

  #batch(indices: IndexArray, context: BatchContext): unknown {
    const length = indices.length === 0 ? this.whole : this.#lengthAt(context.sample(0).globalStep);
    if (length === this.whole) return this.dataset.getBatch!(indices, context);
    // The whole sequences are made in memory of their own.
    const whole = this.dataset.getBatch!(indices, { ...context, allocate: zeroTensor });
    return andThen(whole, (batch) => cutBatch(batch, length, 'split', context.allocate));
  }

  #lengthAt(globalStep = 0): number {
    return this.changes[firstAbove(this.#starts, globalStep) - 1]?.length ?? this.whole;
  }

  /** @internal */
  originAt(index: number, context: OriginContext): StatedOrigin {
    return originOf(this.dataset, index, context);
  }

  /** @internal */
  get sourceCount(): number {
    return this.dataset.sourceCount ?? 1;
  }

  fingerprint(): string {
    const changes = this.changes.map(({ step, length }) => [step, length]);
    return fingerprint({ kind: 'SplitSequences', dataset: datasetFingerprint(this.dataset), changes });
  }

  close(): void | Promise<void> {
    return this.dataset.close?.();
  }

  [toRecipe](): Recipe {
    const { whole, changes } = this;
    return {
      builtIn: 'SplitSequences',
      args: { dataset: recipeOf(this.dataset, 'dataset'), whole, changes },
    };
  }

  static async fromRecipe(
    {
      dataset,
      whole,
      changes,
    }: {
      readonly dataset: Recipe;
      readonly whole: number;
      readonly changes: readonly SequenceLengthChange[];
    },
    make: MakeFromRecipe,
  ): Promise<SplitSequences<unknown>> {
    return new SplitSequences((await make(dataset)) as Dataset<unknown>, whole, changes);
  }
}
