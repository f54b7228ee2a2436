import { type IterableDataset, isIterableDataset, type ShardContext } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { datasetFingerprint } from './dataset-fingerprint.js';

/**
 * Several iterable datasets one after the other, as one stream without shards. Each child is read shard by shard.
 *
 * @throws {@link ConfigError} if the list is empty or contains something that is not an iterable dataset.
 */
export class ChainDataset<T> implements IterableDataset<T>, Movable {
  readonly datasets: readonly IterableDataset<T>[];

  constructor(datasets: readonly IterableDataset<T>[]) {
    const wrong = datasets.findIndex((dataset) => !isIterableDataset(dataset));
    if (wrong >= 0 || datasets.length === 0) {
      const message =
        wrong >= 0
          ? 'is not an iterable dataset; ConcatDataset joins map-style ones'
          : 'needs at least one dataset';
      throw new ConfigError('ChainDataset', [
        { field: wrong >= 0 ? `datasets.${wrong}` : 'datasets', message },
      ]);
    }
    this.datasets = [...datasets];
  }

  /** The sum of the lengths, if every child has one. */
  get length(): number | undefined {
    return this.datasets.reduce<number | undefined>(
      (sum, { length }) => (sum === undefined || length === undefined ? undefined : sum + length),
      0,
    );
  }

  async *iterate(context: ShardContext): AsyncGenerator<T> {
    for (const dataset of this.datasets) {
      const numShards = dataset.numShards ?? 1;
      for (let shard = 0; shard < numShards; shard++)
        yield* dataset.iterate({ ...context, shard, numShards });
    }
  }

  fingerprint(): string {
    return fingerprint({ kind: 'ChainDataset', datasets: this.datasets.map(datasetFingerprint) });
  }

  async close(): Promise<void> {
    for (const dataset of this.datasets) await dataset.close?.();
  }

  [toRecipe](): Recipe {
    return { builtIn: 'ChainDataset', args: this.datasets.map((dataset) => recipeOf(dataset, 'dataset')) };
  }

  static async fromRecipe(args: readonly Recipe[], make: MakeFromRecipe): Promise<ChainDataset<unknown>> {
    return new ChainDataset((await Promise.all(args.map(make))) as IterableDataset<unknown>[]);
  }
}
