import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readSelection, type SelectionManifest } from '../../convert/selection.js';
import type { Dataset } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import { parseOptions } from '../../core/options.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import { absoluteName } from '../../storage/absolute-name.js';
import { analyzeDifficulty } from '../analyze-difficulty.js';
import { analyzeOnCluster } from '../cluster/analyze-on-cluster.js';
import { type ClusterDataset, datasetRecipe, openFromRecipe } from '../cluster/cluster-dataset.js';
import type { MetricSource } from '../metric-source.js';
import { type SelectOptions, type SelectSettings, selectSchema } from './select-options.js';
import { metricsOf, parametersOf, rulesOf, type SelectRule } from './select-rules.js';
import { writeSelection } from './write-selection.js';

/**
 * Selects samples: by rules of quality, language and a function of your own, without those that evaluation sets contain
 * and those that repeat others, sampled and split. Writes a selection: the indices of each split, what each rule removed
 * and why (`removed.jsonl`), and the parameters. {@link selected} opens it without copying data.
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
  const settings = parseOptions('selectDataset options', selectSchema, options);
  const output = absoluteName(settings.output);
  const rules = rulesOf(settings);
  const work = join(output, '.measures');
  const recipe = datasetRecipe(data);
  const dataset = await openFromRecipe(recipe);
  try {
    const parameters = await parametersOf(settings, rules);
    const known = finished(output, dataset, parameters);
    if (known === 'same') return readSelection(output);
    if (known === 'other' && !settings.overwrite)
      throw new ConfigError('selectDataset options', [
        {
          field: 'output',
          message: `${settings.output} holds another selection; choose another, or overwrite it`,
        },
      ]);
    mkdirSync(output, { recursive: true });
    await measure(data, dataset, work, settings, rules);
    const manifest = await writeSelection(dataset, output, work, settings, rules, parameters);
    rmSync(work, { recursive: true, force: true });
    return manifest;
  } finally {
    if ('files' in recipe) await dataset.close?.();
  }
}

function finished(output: string, dataset: Dataset<unknown>, parameters: object): 'none' | 'same' | 'other' {
  let manifest: SelectionManifest;
  try {
    manifest = readSelection(output);
  } catch {
    return 'none';
  }
  const isSame =
    manifest.dataset === datasetFingerprint(dataset) &&
    JSON.stringify(manifest.parameters) === JSON.stringify(parameters);
  return isSame ? 'same' : 'other';
}

async function measure(
  data: ClusterDataset,
  dataset: Dataset<unknown>,
  outputDir: string,
  settings: SelectSettings,
  rules: readonly SelectRule[],
): Promise<void> {
  const { redis, queue, pollMs, onRefusal, onProgress, numWorkers, memoryBytes } = settings;
  const metrics = metricsOf(settings, rules) as unknown as MetricSource[];
  const shared = {
    outputDir,
    metrics,
    layout: 'native' as const,
    memoryBytes,
    ...(onProgress && { onProgress }),
  };
  if (redis === undefined) {
    await analyzeDifficulty(data instanceof WorkerModule ? (data as never) : dataset, {
      ...shared,
      numWorkers,
    });
    return;
  }
  await analyzeOnCluster(data, { ...shared, redis, queue, pollMs, ...(onRefusal && { onRefusal }) });
}
