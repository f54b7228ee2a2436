import { mkdirSync } from 'node:fs';
import type { Dataset } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import { parseOptions } from '../../core/options.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import { openDataset } from '../../formats/open-dataset.js';
import { readSelection, type SelectionManifest } from '../../formats/selection.js';
import { RowChoice } from '../../formats/where/select-rows.js';
import { absoluteName } from '../../storage/absolute-name.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import { analyzeDifficulty } from '../analyze-difficulty.js';
import { analyzeOnCluster, type ClusterOptions, cancelOnCluster } from '../cluster/analyze-on-cluster.js';
import { type ClusterDataset, datasetRecipe, openFromRecipe } from '../cluster/cluster-dataset.js';
import type { MetricSource } from '../metric-source.js';
import { type SelectOptions, type SelectSettings, selectSchema } from './select-options.js';
import { metricsOf, parametersOf, rulesOf, type SelectRule } from './select-rules.js';
import { withLocalMeasures } from './stored-measures.js';
import { writeSelection } from './write-selection.js';

/**
 * Selects samples: by a condition of their columns, rules of quality, language and a function of your own, without those
 * that evaluation sets contain and those that repeat others, sampled and split. Writes a selection: the indices of each
 * split, what each rule removed and why (`removed.jsonl`), and the parameters. `openDataset` opens it with its option
 * `selection`, without copying data.
 *
 * Measuring runs in parts, in threads or on a cluster; a run that is interrupted continues. Values are sorted on disk, so
 * memory is bounded by `memoryBytes` and 5 bytes a sample. The result is a function of data and options alone.
 *
 * A sample is a near-duplicate if it shares a band of MinHash with an earlier sample; of each chain of duplicates, the
 * first stays. Sampling and splits follow from a hash of the text: a sample keeps its split when data is added, and equal
 * texts are in the same split.
 *
 * @throws {@link ConfigError}; the errors of `analyzeDifficulty` and `analyzeOnCluster`.
 */
export async function selectDataset(
  data: ClusterDataset,
  options: SelectOptions,
): Promise<SelectionManifest> {
  const settings = settingsOf(options);
  const { output, overwrite } = settings;
  const rules = rulesOf(settings);
  const { dataset, close } = await openSelected(data, settings);
  try {
    const parameters = await parametersOf(settings, rules);
    const store = await openObjectStore(output);
    const known = await finished(store, dataset, parameters);
    if (known === 'same') return await readSelection(store);
    if (known === 'other' && !overwrite)
      throw new ConfigError('selectDataset options', [
        {
          field: 'output',
          message: `${settings.output} holds another selection; choose another, or overwrite it`,
        },
      ]);
    if (store.folder !== undefined) mkdirSync(store.folder, { recursive: true });
    const metrics = await measure(data, dataset, settings, rules);
    return await withLocalMeasures(store, measuresFolder, metrics, (folder, work) =>
      writeSelection(dataset, folder, work, settings, rules, parameters),
    );
  } finally {
    await close();
  }
}

/** Removes a selection from the queue of a cluster. Finished parts are kept. Returns whether it was there. */
export async function cancelSelection(data: ClusterDataset, options: SelectOptions): Promise<boolean> {
  const settings = settingsOf(options);
  const { redis } = settings;
  if (redis === undefined) return false;
  return cancelOnCluster(data, clusterOptions(redis, settings, rulesOf(settings)));
}

const measuresFolder = '.measures';

function settingsOf(options: SelectOptions): SelectSettings {
  const settings = parseOptions('selectDataset options', selectSchema, options);
  return { ...settings, output: absoluteName(settings.output).replace(/(?<=.)\/+$/, '') };
}

/** Opens the data, and checks that the columns of the condition exist. */
async function openSelected(
  data: ClusterDataset,
  { where }: SelectSettings,
): Promise<{ readonly dataset: Dataset<unknown>; close(): Promise<void> }> {
  const recipe = datasetRecipe(data);
  // A module's dataset belongs to the module.
  if (!('files' in recipe)) return { dataset: await openFromRecipe(recipe), close: async () => {} };
  const { files, ...options } = recipe;
  const { dataset, columns } = await openDataset(files, options);
  const close = async (): Promise<void> => {
    await dataset.close?.();
  };
  try {
    if (where)
      RowChoice.of(
        'selectDataset',
        where,
        columns?.map(({ name }) => name),
      );
    return { dataset, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function finished(
  store: ObjectStore,
  dataset: Dataset<unknown>,
  parameters: object,
): Promise<'none' | 'same' | 'other'> {
  let manifest: SelectionManifest;
  try {
    manifest = await readSelection(store);
  } catch {
    return 'none';
  }
  const isSame =
    manifest.dataset === datasetFingerprint(dataset) &&
    JSON.stringify(manifest.parameters) === JSON.stringify(parameters);
  return isSame ? 'same' : 'other';
}

/** Measures the samples. Returns the names of the metrics. */
async function measure(
  data: ClusterDataset,
  dataset: Dataset<unknown>,
  settings: SelectSettings,
  rules: readonly SelectRule[],
): Promise<string[]> {
  const { redis, numWorkers } = settings;
  const source = data instanceof WorkerModule ? (data as never) : dataset;
  const { metrics } =
    redis === undefined
      ? await analyzeDifficulty(source, { ...analysisOptions(settings, rules), numWorkers })
      : await analyzeOnCluster(data, clusterOptions(redis, settings, rules));
  return Object.keys(metrics);
}

function analysisOptions(settings: SelectSettings, rules: readonly SelectRule[]) {
  const { output, memoryBytes, onProgress } = settings;
  return {
    outputDir: `${output}/${measuresFolder}`,
    metrics: metricsOf(settings, rules) as unknown as MetricSource[],
    layout: 'native' as const,
    memoryBytes,
    ...(onProgress && { onProgress }),
  };
}

function clusterOptions(
  redis: string,
  settings: SelectSettings,
  rules: readonly SelectRule[],
): ClusterOptions {
  const { queue, pollMs, onRefusal } = settings;
  return { ...analysisOptions(settings, rules), redis, queue, pollMs, ...(onRefusal && { onRefusal }) };
}
