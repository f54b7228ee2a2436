import type { BatchContext, Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { type OriginContext, originOf, type StatedOrigin } from '../core/sample-origin.js';
import { checkMapDataset } from './check-map-dataset.js';
import { datasetFingerprint } from './dataset-fingerprint.js';

/**
 * Selected samples of another dataset, in the order of `indices`, which may repeat.
 *
 * @throws {@link IndexRangeError} if an index is outside the dataset.
 */
export class Subset<T> implements Dataset<T>, Movable {
  readonly dataset: Dataset<T>;
  readonly indices: Float64Array;
  /** Present if the parent makes whole batches. */
  readonly getBatch?: (indices: IndexArray, context: BatchContext) => unknown;

  readonly prefetch?: NonNullable<Dataset<T>['prefetch']>;

  constructor(dataset: Dataset<T>, indices: IndexArray) {
    checkMapDataset('Subset', dataset);
    this.dataset = dataset;
    this.indices = Float64Array.from(indices);
    for (const index of this.indices) checkIndex(index, dataset.length, 'The parent of a Subset');
    if (dataset.prefetch) {
      this.prefetch = (own, epoch) =>
        dataset.prefetch?.(
          Float64Array.from(own, (i) => this.#parentIndex(i)),
          epoch,
        );
    }
    if (dataset.getBatch) {
      this.getBatch = (own, context) =>
        dataset.getBatch?.(
          Float64Array.from(own, (i) => this.#parentIndex(i)),
          context,
        );
    }
  }

  get length(): number {
    return this.indices.length;
  }

  get variesByEpoch(): boolean {
    return this.dataset.variesByEpoch ?? false;
  }

  /** @internal The index is that of the parent. */
  originAt(index: number, context: OriginContext): StatedOrigin {
    return originOf(this.dataset, this.#parentIndex(index), context);
  }

  /** @internal */
  get sourceCount(): number {
    return this.dataset.sourceCount ?? 1;
  }

  get(index: number, context: SampleContext): T | Promise<T> {
    return this.dataset.get(this.#parentIndex(index), context);
  }

  /** @internal */
  get madeFrom(): readonly Dataset<unknown>[] {
    return [this.dataset];
  }

  fingerprint(): string {
    return fingerprint({
      kind: 'Subset',
      parent: datasetFingerprint(this.dataset),
      indices: fingerprintBytes(this.indices),
    });
  }

  close(): void | Promise<void> {
    return this.dataset.close?.();
  }

  [toRecipe](): Recipe {
    return { builtIn: 'Subset', args: { dataset: recipeOf(this.dataset, 'dataset'), indices: this.indices } };
  }

  static async fromRecipe(
    args: { readonly dataset: Recipe; readonly indices: Float64Array },
    make: MakeFromRecipe,
  ): Promise<Subset<unknown>> {
    return new Subset(await make<Dataset<unknown>>(args.dataset), args.indices);
  }

  #parentIndex(index: number): number {
    checkIndex(index, this.indices.length, 'Subset');
    return this.indices[index]!;
  }
}
