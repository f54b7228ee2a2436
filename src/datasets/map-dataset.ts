import type { Dataset, SampleContext } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { type OriginContext, originOf, type StatedOrigin } from '../core/sample-origin.js';
import { checkMapDataset } from './check-map-dataset.js';
import { datasetFingerprint } from './dataset-fingerprint.js';
import { WorkerModule } from './worker-module.js';

/** Makes one sample from another. Draw random numbers from `context.rng` only. */
export type MapFunction<T, U> = (sample: T, context: SampleContext) => U | Promise<U>;

/**
 * Applies a function to each sample of another dataset, on access.
 *
 * A function stays on the main thread. For workers, name it by its module with `workerFunction`.
 */
export class MapDataset<T, U> implements Dataset<U>, Movable {
  readonly dataset: Dataset<T>;
  readonly #map: MapFunction<T, U> | WorkerModule<MapFunction<T, U>>;

  /** The parent's shards: indices are the same. */
  readonly indicesOf?: NonNullable<Dataset<T>['indicesOf']>;

  readonly prefetch?: NonNullable<Dataset<T>['prefetch']>;

  constructor(dataset: Dataset<T>, map: MapFunction<T, U> | WorkerModule<MapFunction<T, U>>) {
    checkMapDataset('MapDataset', dataset);
    this.dataset = dataset;
    this.#map = map;
    if (dataset.indicesOf) this.indicesOf = dataset.indicesOf.bind(dataset);
    if (dataset.prefetch) this.prefetch = dataset.prefetch.bind(dataset);
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

  get decodesShards(): boolean {
    return this.dataset.decodesShards ?? false;
  }

  get length(): number {
    return this.dataset.length;
  }

  /** @internal */
  originAt(index: number, context: OriginContext): StatedOrigin {
    return originOf(this.dataset, index, context);
  }

  /** @internal */
  get sourceCount(): number {
    return this.dataset.sourceCount ?? 1;
  }

  get(index: number, context: SampleContext): MaybePromise<U> {
    if (this.#map instanceof WorkerModule)
      return this.#map.load().then(async (map) => map(await this.dataset.get(index, context), context));
    const map = this.#map;
    return andThen(this.dataset.get(index, context), (sample) => map(sample, context));
  }

  /** @internal */
  get madeFrom(): readonly Dataset<unknown>[] {
    return [this.dataset];
  }

  /** Identifies the parent and the function: by the function's `fingerprint()`, or else by its name. Its body does not count. */
  fingerprint(): string {
    return fingerprint({
      kind: 'MapDataset',
      parent: datasetFingerprint(this.dataset),
      map: identityOf(this.#map),
    });
  }

  close(): void | Promise<void> {
    return this.dataset.close?.();
  }

  [toRecipe](): Recipe {
    return {
      builtIn: 'MapDataset',
      args: { dataset: recipeOf(this.dataset, 'dataset'), map: recipeOf(this.#map, 'map function') },
    };
  }

  static async fromRecipe(
    args: { readonly dataset: Recipe; readonly map: Recipe },
    make: MakeFromRecipe,
  ): Promise<MapDataset<unknown, unknown>> {
    const [dataset, map] = await Promise.all([make(args.dataset), make(args.map)]);
    return new MapDataset(dataset as Dataset<unknown>, map as MapFunction<unknown, unknown>);
  }
}

function identityOf(map: object): string {
  if (map instanceof WorkerModule) return `${map.module}#${map.exportName}`;
  return (map as { fingerprint?: () => string }).fingerprint?.() ?? (map as { name: string }).name;
}
