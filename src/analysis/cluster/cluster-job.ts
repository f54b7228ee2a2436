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
  /** Format of the files. @defaultValue detected */
  readonly format?: FormatName;
  /** Columns of a sample, for formats with columns. @defaultValue all */
  readonly columns?: readonly string[];
}

/** A dataset that every machine can open: files, or a module named with `workerDataset`. */
export type ClusterDataset = DatasetFiles | WorkerModule<unknown>;

/** A {@link ClusterDataset} as JSON. */
export type DatasetRecipe = DatasetFiles | Recipe;

/** An analysis as workers read it, stored beside the parts. */
export interface ClusterAnalysis {
  readonly dataset: DatasetRecipe;
  readonly metrics: readonly MetricRecipe[];
  readonly description: AnalysisDescription;
  readonly request: ReduceRequest;
  readonly needsCounts: boolean;
  /** Number of attempts of a job. */
  readonly attempts: number;
  /** Pause before the second attempt, in milliseconds; it doubles with each further attempt. */
  readonly backoffMs: number;
}

/** Payload of a job in the queue. */
export interface ClusterJobData {
  /** Output folder on the shared store: a path or URL. */
  readonly outputDir: string;
  /** Identity of the analysis. */
  readonly id: string;
  /** The range of a `count` or `map` job. */
  readonly range?: IndexRange | undefined;
}

/** The work of a job. */
export type ClusterJobName = 'count' | 'merge-counts' | 'map' | 'reduce';

/**
 * @throws {@link ConfigError} for URLs with credentials, because the recipe is written to the shared store, where
 *   others can read it.
 */
export function datasetRecipe(dataset: ClusterDataset): DatasetRecipe {
  if (!(dataset instanceof WorkerModule)) {
    if (shownLocation(dataset.files) !== dataset.files) throw holdsSecrets('files', dataset.files);
    return { ...dataset, files: absoluteName(dataset.files) };
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
        `${withoutSecrets(text)} may contain credentials, which anyone could read in the shared store: ` +
        'name a module with workerDataset that reads them from the environment of its machine',
    },
  ]);
}

/** Makes a name independent of the working directory. */
export function absoluteName(name: string): string {
  return isRemote(name) ? name : localPath(name);
}

/** Opens the dataset on this machine. */
export async function openFromRecipe(recipe: DatasetRecipe): Promise<Dataset<unknown>> {
  if (!('files' in recipe)) return (await makeFromRecipe(recipe)) as Dataset<unknown>;
  const { files, format, columns } = recipe;
  return (await openDataset(files, { ...(format && { format }), ...(columns && { columns }) })).dataset;
}

/** Formats an error and its causes as one line without secrets, to store with a failed job. */
export function lineOf(error: unknown): string {
  const lines: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause)
    lines.push(each instanceof MillraceError ? `${each.code}: ${each.message}` : each.message);
  return withoutSecrets(lines.length > 0 ? lines.join(' Because: ') : String(error));
}
