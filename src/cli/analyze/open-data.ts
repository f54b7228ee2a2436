import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ClusterDataset } from '../../analysis/cluster/cluster-dataset.js';
import { builtInMetrics } from '../../analysis/index.js';
import type { MetricSource } from '../../analysis/metric-source.js';
import { type Dataset, isMapDataset } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import {
  type WorkerDataset,
  WorkerModule,
  workerDataset,
  workerFunction,
} from '../../datasets/worker-module.js';
import type { FormatName } from '../../formats/format-table.js';
import { openDataset } from '../../formats/open-dataset.js';

/** Flags that describe the data. */
export interface DataFlags {
  readonly format?: FormatName;
  readonly columns?: string[];
}

/** A description of the data that other machines can open: a file name, or a module that exports a dataset. */
export function datasetSource(data: string, { format, columns }: DataFlags): ClusterDataset {
  if (isModule(data)) return workerDataset(moduleUrl(data));
  return { files: data, ...(format && { format }), ...(columns && { columns }) };
}

/**
 * Opens data on this machine. `source` is what worker threads load.
 *
 * @throws {@link ConfigError} if the module exports no map-style dataset.
 */
export async function openData(
  data: string,
  flags: DataFlags,
  command = 'analyze',
): Promise<{
  readonly dataset: Dataset<unknown>;
  readonly source: Dataset<unknown> | WorkerDataset<unknown>;
}> {
  const source = datasetSource(data, flags);
  if (source instanceof WorkerModule) {
    const dataset = await source.load();
    if (isMapDataset(dataset)) return { dataset, source: source as WorkerDataset<unknown> };
    const message = 'exports no dataset with length and get, which are needed to read samples by index';
    throw new ConfigError(`millrace ${command}`, [{ field: data, message }]);
  }
  const { files, ...options } = source;
  const { dataset } = await openDataset(files, options);
  return { dataset, source: dataset };
}

/**
 * The metric of a module: its default export (`./loss.js`) or a named one (`./loss.js#perplexity`).
 *
 * @throws {@link ConfigError} if the file does not exist.
 */
export function metricFromModule(text: string): MetricSource {
  const [path = '', name] = text.split('#');
  if (!existsSync(path)) {
    const isBuiltIn = builtInMetrics.some((metric) => metric.name === path);
    const message = isBuiltIn
      ? `expects a module; select the built-in metric with --metrics ${path}`
      : `file ${path} does not exist`;
    throw new ConfigError('millrace analyze', [{ field: '--metric-module', message }]);
  }
  return workerFunction(moduleUrl(path), name ? { export: name } : {});
}

export function isModule(data: string): boolean {
  return /\.[mc]?[jt]s$/.test(data) && existsSync(data);
}

function moduleUrl(path: string): URL {
  return pathToFileURL(resolve(path));
}
