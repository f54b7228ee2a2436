import { type Dataset, type IndexArray, isMapDataset, type SampleContext } from '../core/dataset.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { datasetFingerprint } from './dataset-fingerprint.js';
import { prefetchOfEach } from './prefetch-of-each.js';

/** The parts of a {@link StackDataset}: a tuple makes tuple samples, a record makes record samples. */
export type DatasetColumns = readonly Dataset<unknown>[] | { readonly [name: string]: Dataset<unknown> };

/** The sample of stacked datasets. */
type StackedSample<C extends DatasetColumns> = {
  -readonly [K in keyof C]: C[K] extends Dataset<infer T> ? T : never;
};

/**
 * Datasets of one length side by side, as in PyTorch: sample `i` combines sample `i` of each.
 *
 * `new StackDataset(images, labels)` returns samples `[image, label]`; `new StackDataset({ images, labels })` returns records.
 *
 * @throws {@link ConfigError} without datasets, {@link ShapeError} if the lengths differ.
 */
export class StackDataset<C extends DatasetColumns> implements Dataset<StackedSample<C>>, Movable {
  readonly columns: C;
  readonly length: number;
  /** The columns as pairs of name (or position) and dataset. */
  readonly #entries: readonly (readonly [name: string, dataset: Dataset<unknown>])[];

  constructor(columns: C & { readonly [name: string]: Dataset<unknown> });
  constructor(...columns: C & readonly Dataset<unknown>[]);
  constructor(...columns: readonly unknown[]) {
    const single = columns.length === 1 && !isMapDataset(columns[0]);
    this.columns = (single ? columns[0] : columns) as C;
    this.#entries = checkedEntries(this.columns);
    this.length = commonLength(this.#entries);
  }

  get scheduledBatchSize(): number | undefined {
    const scheduled = this.#entries.find(([, dataset]) => dataset.scheduledBatchSize !== undefined);
    return scheduled?.[1].scheduledBatchSize;
  }

  get variesByEpoch(): boolean {
    return this.#entries.some(([, dataset]) => dataset.variesByEpoch);
  }

  async get(index: number, context: SampleContext): Promise<StackedSample<C>> {
    checkIndex(index, this.length, 'StackDataset');
    const values = await Promise.all(
      this.#entries.map(([name, dataset]) => dataset.get(index, context.part(name))),
    );
    if (Array.isArray(this.columns)) return values as StackedSample<C>;
    return Object.fromEntries(this.#entries.map(([name], i) => [name, values[i]])) as StackedSample<C>;
  }

  /** Prefetches from each dataset. */
  prefetch(indices: IndexArray, epoch: number): number | undefined {
    return prefetchOfEach(Object.values(this.columns), () => [[epoch, indices]]);
  }

  /** @internal */
  get madeFrom(): readonly Dataset<unknown>[] {
    return this.#entries.map(([, dataset]) => dataset);
  }

  fingerprint(): string {
    return fingerprint({
      kind: 'StackDataset',
      columns: this.#entries.map(([name, dataset]) => [name, datasetFingerprint(dataset)]),
    });
  }

  async close(): Promise<void> {
    for (const [, dataset] of this.#entries) await dataset.close?.();
  }

  [toRecipe](): Recipe {
    const recipes = this.#entries.map(([name, dataset]) => [name, recipeOf(dataset, 'dataset')] as const);
    const args = Array.isArray(this.columns)
      ? recipes.map(([, recipe]) => recipe)
      : Object.fromEntries(recipes);
    return { builtIn: 'StackDataset', args };
  }

  static async fromRecipe(
    args: readonly Recipe[] | { readonly [name: string]: Recipe },
    make: MakeFromRecipe,
  ): Promise<StackDataset<DatasetColumns>> {
    if (Array.isArray(args))
      return new StackDataset(...(await Promise.all(args.map((recipe) => make<Dataset<unknown>>(recipe)))));
    const made = Object.entries(args).map(
      async ([name, recipe]) => [name, await make<Dataset<unknown>>(recipe)] as const,
    );
    return new StackDataset(Object.fromEntries(await Promise.all(made)));
  }
}

function checkedEntries(columns: object): [name: string, dataset: Dataset<unknown>][] {
  const refuse = (field: string, message: string) => new ConfigError('StackDataset', [{ field, message }]);
  const entries = Object.entries(columns).map(([name, dataset]): [string, Dataset<unknown>] => {
    if (!isMapDataset(dataset)) throw refuse(name, 'is not a map-style dataset');
    return [name, dataset];
  });
  if (entries.length === 0) throw refuse('columns', 'needs at least one dataset');
  return entries;
}

function commonLength(entries: readonly (readonly [name: string, dataset: Dataset<unknown>])[]): number {
  const lengths = entries.map(([, dataset]) => dataset.length);
  if (lengths.some((length) => length !== lengths[0])) {
    throw new ShapeError('The datasets of a StackDataset must have one length', {
      where: { lengths: entries.map(([name], i) => `${name}: ${lengths[i]}`).join(', ') },
      next: 'Cut the longer ones with Subset.',
    });
  }
  return lengths[0]!;
}
