import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ClusterDataset } from '../../analysis/cluster/cluster-job.js';
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
import type { FormatName } from '../../formats/find/detect-format.js';
import { openDataset } from '../../formats/open-dataset.js';

/** What the command line says about the data. */
export interface DataFlags {
  readonly format?: FormatName;
  readonly columns?: string[];
}

/** How the machines of a cluster open data: files by their name, or a module that exports a dataset. */
export function datasetSource(data: string, { format, columns }: DataFlags): ClusterDataset {
  if (isModule(data)) return workerDataset(moduleUrl(data));
  return { files: data, ...(format && { format }), ...(columns && { columns }) };
}

/** Data on this machine, opened or named by its module. @throws {@link ConfigError} for a module without a map-style dataset. */
export async function openData(
  data: string,
  flags: DataFlags,
): Promise<{
  readonly dataset: Dataset<unknown>;
  readonly source: Dataset<unknown> | WorkerDataset<unknown>;
}> {
  const source = datasetSource(data, flags);
  if (source instanceof WorkerModule) {
    const dataset = await source.load();
    if (isMapDataset(dataset)) return { dataset, source: source as WorkerDataset<unknown> };
    const message = 'exports no dataset with length and get: samples are measured by their index';
    throw new ConfigError('millrace analyze', [{ field: data, message }]);
  }
  const { files, ...options } = source;
  const { dataset } = await openDataset(files, options);
  return { dataset, source: dataset };
}

/** A metric's module, `./loss.js`, or one of its exports, `./loss.js#perplexity`. */
export function metricModule(text: string): MetricSource {
  const [path = '', name] = text.split('#');
  if (!existsSync(path)) {
    const isBuiltIn = builtInMetrics.some((metric) => metric.name === path);
    const message = isBuiltIn ? `names modules; ${path} is one of --metrics` : `there is no file ${path}`;
    throw new ConfigError('millrace analyze', [{ field: '--metric', message }]);
  }
  return workerFunction(moduleUrl(path), name ? { export: name } : {});
}

function isModule(data: string): boolean {
  return /\.[mc]?[jt]s$/.test(data) && existsSync(data);
}

function moduleUrl(path: string): URL {
  return pathToFileURL(resolve(path));
}
