import type { Dataset, SampleContext } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { checkMapDataset } from './check-map-dataset.js';
import { datasetFingerprint } from './dataset-fingerprint.js';
import { WorkerModule } from './worker-module.js';

/** Makes one sample from another. Draw random numbers from `context.rng` only. */
export type MapFunction<T, U> = (sample: T, context: SampleContext) => U | Promise<U>;

/**
 * Another dataset with a function applied to each sample, when it is asked for.
 *
 * A function given as a value stays on the main thread: for workers, name it by module with `workerFunction`.
 */
export class MapDataset<T, U> implements Dataset<U>, Movable {
  readonly dataset: Dataset<T>;
  readonly #map: MapFunction<T, U> | WorkerModule<MapFunction<T, U>>;

  /** That of the parent: an index means the same sample. */
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

  get length(): number {
    return this.dataset.length;
  }

  get(index: number, context: SampleContext): MaybePromise<U> {
    if (this.#map instanceof WorkerModule)
      return this.#map.load().then(async (map) => map(await this.dataset.get(index, context), context));
    const map = this.#map;
    return andThen(this.dataset.get(index, context), (sample) => map(sample, context));
  }

  /** Says the parent and the function: by its own `fingerprint()`, else by its name; its body is not looked into. */
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
