import type { Dataset } from '../../core/dataset.js';
import { ConfigError, MillraceError } from '../../core/errors.js';
import { type Recipe, toRecipe } from '../../core/recipe.js';
import { shownLocation, withoutSecrets } from '../../core/shown-location.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import type { FormatName } from '../../formats/format-table.js';
import { openDataset } from '../../formats/open-dataset.js';
import type { IndexRange } from '../../parts/part-range.js';
import { makeFromRecipe } from '../../recipes/make-from-recipe.js';
import { localPath } from '../../storage/local-path.js';
import { isRemote } from '../../storage/url-scheme.js';
import type { AnalysisDescription } from '../analysis-description.js';
import type { MetricRecipe } from '../metric-source.js';
import type { ReduceRequest } from '../reduce-analysis.js';

/** Files of a dataset, as every machine of the cluster can open them. */
export interface DatasetFiles {
  /** Path, pattern or URL; see `openDataset`. A path must mean the same data on every machine. */
  readonly files: string;
  /** @defaultValue found out */
  readonly format?: FormatName;
  /** Which columns a sample has, where the format has some. @defaultValue all */
  readonly columns?: readonly string[];
}

/** A dataset that every machine can open for itself: files, or a module named with `workerDataset`. */
export type ClusterDataset = DatasetFiles | WorkerModule<unknown>;

/** The same as JSON. */
export type DatasetRecipe = DatasetFiles | Recipe;

/** Everything that a worker needs to know, kept beside the parts. */
export interface ClusterAnalysis {
  readonly dataset: DatasetRecipe;
  readonly metrics: readonly MetricRecipe[];
  readonly description: AnalysisDescription;
  readonly request: ReduceRequest;
  readonly needsCounts: boolean;
  /** How often a job is tried. */
  readonly attempts: number;
  /** Pause before the second try; it doubles from then on. */
  readonly backoffMs: number;
}

/** What is in a job of the queue. */
export interface ClusterJobData {
  /** The shared store: a path or URL. */
  readonly place: string;
  /** The analysis. */
  readonly id: string;
  /** Of `count` and `map` jobs. */
  readonly range?: IndexRange | undefined;
}

/** What a job does. */
export type ClusterJobName = 'count' | 'merge-counts' | 'map' | 'reduce';

/** @throws {@link ConfigError} for URLs with credentials: the recipe is kept in the shared store, where others read it. */
export function datasetRecipe(dataset: ClusterDataset): DatasetRecipe {
  if (!(dataset instanceof WorkerModule)) {
    if (shownLocation(dataset.files) !== dataset.files) throw holdsSecrets('files', dataset.files);
    return { ...dataset, files: placeName(dataset.files) };
  }
  const recipe = dataset[toRecipe]();
  const options = 'options' in recipe ? JSON.stringify(recipe.options ?? null) : '';
  if (withoutSecrets(options) !== options) throw holdsSecrets('options', options);
  return recipe;
}

function holdsSecrets(field: string, text: string): ConfigError {
  return new ConfigError('Data set of a cluster', [
    {
      field,
      message:
        `${withoutSecrets(text)} may hold credentials, which the shared store would keep for all to read: ` +
        'name a module with workerDataset that takes them from the environment of its machine',
    },
  ]);
}

/** A name that does not depend on the working directory. */
export function placeName(place: string): string {
  return isRemote(place) ? place : localPath(place);
}

/** Opens the dataset on this machine. */
export async function openFromRecipe(recipe: DatasetRecipe): Promise<Dataset<unknown>> {
  if (!('files' in recipe)) return (await makeFromRecipe(recipe)) as Dataset<unknown>;
  const { files, format, columns } = recipe;
  return (await openDataset(files, { ...(format && { format }), ...(columns && { columns }) })).dataset;
}

/** An error as one line, with its causes and without secrets: what is kept of a failed job. */
export function lineOf(error: unknown): string {
  const lines: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause)
    lines.push(each instanceof MillraceError ? `${each.code}: ${each.message}` : each.message);
  return withoutSecrets(lines.length > 0 ? lines.join(' Because: ') : String(error));
}
