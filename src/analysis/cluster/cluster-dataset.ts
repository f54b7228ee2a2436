import type { Dataset } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import { type Recipe, toRecipe } from '../../core/recipe.js';
import { shownLocation, withoutSecrets } from '../../core/shown-location.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import type { FormatName } from '../../formats/format-table.js';
import { openDataset } from '../../formats/open-dataset.js';
import { makeFromRecipe } from '../../recipes/make-from-recipe.js';
import { absoluteName } from '../../storage/absolute-name.js';

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

/** Opens the dataset on this machine. */
export async function openFromRecipe(recipe: DatasetRecipe): Promise<Dataset<unknown>> {
  if (!('files' in recipe)) return await makeFromRecipe<Dataset<unknown>>(recipe);
  const { files, format, columns } = recipe;
  return (await openDataset(files, { ...(format && { format }), ...(columns && { columns }) })).dataset;
}
