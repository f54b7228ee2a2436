import type { Dataset, SampleContext } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
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
    this.dataset = dataset;
    this.#map = map;
    if (dataset.indicesOf) this.indicesOf = dataset.indicesOf.bind(dataset);
    if (dataset.prefetch) this.prefetch = dataset.prefetch.bind(dataset);
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

  async get(index: number, context: SampleContext): Promise<U> {
    const map = this.#map instanceof WorkerModule ? await this.#map.load() : this.#map;
    return map(await this.dataset.get(index, context), context);
  }

  /** Says the parent and the name of the function; its body is not looked into. */
  fingerprint(): string {
    const map =
      this.#map instanceof WorkerModule ? `${this.#map.module}#${this.#map.exportName}` : this.#map.name;
    return fingerprint({ kind: 'MapDataset', parent: datasetFingerprint(this.dataset), map });
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
