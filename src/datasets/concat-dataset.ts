import { type Dataset, type IndexArray, isMapDataset, type SampleContext } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { firstAbove } from '../core/first-above.js';
import { checkIndex } from '../core/index-range.js';
import { lastOf } from '../core/last-of.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { type OriginContext, originIn, type StatedOrigin, sourcesOf } from '../core/sample-origin.js';
import { datasetFingerprint } from './dataset-fingerprint.js';
import { prefetchOfEach } from './prefetch-of-each.js';

/**
 * Several map-style datasets end to end. Finding a sample's dataset is a binary search, O(log datasets).
 *
 * @throws {@link ConfigError} if the list is empty or contains something that is not a map-style dataset.
 */
export class ConcatDataset<T> implements Dataset<T>, Movable {
  readonly datasets: readonly Dataset<T>[];
  /** `ends[k]` is the number of samples in datasets `0 … k`. */
  readonly ends: readonly number[];

  constructor(datasets: readonly Dataset<T>[]) {
    checkDatasets(datasets);
    this.datasets = [...datasets];
    this.ends = runningEnds(datasets);
  }

  get length(): number {
    return lastOf(this.ends);
  }

  get variesByEpoch(): boolean {
    return this.datasets.some((dataset) => dataset.variesByEpoch);
  }

  /** The shards of all datasets; a dataset without `shardLengths` is one shard. */
  get shardLengths(): readonly number[] {
    return this.datasets.flatMap(({ shardLengths, length }) => shardLengths ?? [length]);
  }

  get decodesShards(): boolean {
    return this.datasets.some((dataset) => dataset.decodesShards);
  }

  get(index: number, context: SampleContext): T | Promise<T> {
    checkIndex(index, this.length, 'ConcatDataset');
    const k = firstAbove(this.ends, index);
    const start = k === 0 ? 0 : this.ends[k - 1]!;
    return this.datasets[k]!.get(index - start, context);
  }

  /** @internal The dataset is the source. */
  originAt(index: number, context: OriginContext): StatedOrigin {
    const k = firstAbove(this.ends, index);
    return originIn(this.datasets, k, index - (k === 0 ? 0 : this.ends[k - 1]!), context);
  }

  /** @internal */
  get sourceCount(): number {
    return sourcesOf(this.datasets);
  }

  /** Prefetches from each dataset. */
  prefetch(indices: IndexArray, epoch: number): number | undefined {
    const own = this.datasets.map((): number[] => []);
    for (const index of indices) {
      const k = firstAbove(this.ends, index);
      own[k]?.push(index - (k === 0 ? 0 : this.ends[k - 1]!));
    }
    return prefetchOfEach(this.datasets, (k) => [[epoch, own[k]!]]);
  }

  /** @internal */
  get madeFrom(): readonly Dataset<unknown>[] {
    return this.datasets;
  }

  fingerprint(): string {
    return fingerprint({ kind: 'ConcatDataset', datasets: this.datasets.map(datasetFingerprint) });
  }

  async close(): Promise<void> {
    for (const dataset of this.datasets) await dataset.close?.();
  }

  [toRecipe](): Recipe {
    return { builtIn: 'ConcatDataset', args: this.datasets.map((dataset) => recipeOf(dataset, 'dataset')) };
  }

  static async fromRecipe(args: readonly Recipe[], make: MakeFromRecipe): Promise<ConcatDataset<unknown>> {
    return new ConcatDataset((await Promise.all(args.map(make))) as Dataset<unknown>[]);
  }
}

function checkDatasets(datasets: readonly unknown[]): void {
  if (datasets.length === 0) {
    throw new ConfigError('ConcatDataset', [{ field: 'datasets', message: 'needs at least one dataset' }]);
  }
  const wrong = datasets.findIndex((dataset) => !isMapDataset(dataset));
  if (wrong >= 0) {
    throw new ConfigError('ConcatDataset', [
      { field: `datasets.${wrong}`, message: 'is not a map-style dataset; ChainDataset joins iterable ones' },
    ]);
  }
}

function runningEnds(datasets: readonly Dataset<unknown>[]): number[] {
  let end = 0;
  return datasets.map(({ length }) => {
    end += length;
    return end;
  });
}
