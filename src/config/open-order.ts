import { resolve } from 'node:path';
import type { Dataset } from '../core/dataset.js';
import { isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import type { BatchSizeStage } from '../curriculum/batch-size-stages.js';
import { DifficultyIndex } from '../curriculum/difficulty-index.js';
import type { DifficultyOrder } from '../curriculum/difficulty-order.js';
import { BatchSizeRamp, type CurriculumMetricOptions, CurriculumSampler } from '../curriculum/index.js';
import { samplerOf } from '../loader/order/create-batch-sampler.js';
import { sampleLengths } from '../tokens/sample-lengths.js';
import { TokenBudgetSampler } from '../tokens/token-budget-sampler.js';
import type { CurriculumSection, Launch, LoaderConfig, MetricConfig } from './config.js';
import type { ParsedConfig } from './config-schema.js';

/** The folder of the files of an order, and the process that the order is for. */
export interface OpenOrderOptions {
  readonly folder: string;
  readonly launch: Launch;
}

/** Loader options for an order. */
interface OpenedOrder {
  readonly sampler?: Sampler;
  readonly batchSampler?: BatchSampler;
  /** Always `undefined`: the batch sampler decides it. */
  readonly shuffle?: undefined;
  readonly dropLast?: undefined;
}

/** Opens the sampler of a configuration as loader options; empty if the loader builds its own. */
export function openOrder(
  { curriculum, tokenBudget, batchSizes, loader }: ParsedConfig,
  dataset: unknown,
  { folder, launch }: OpenOrderOptions,
): OpenedOrder {
  if (!curriculum && !tokenBudget && !batchSizes) return {};
  if (!isMapDataset(dataset)) {
    throw new ConfigError('Millrace configuration', [
      {
        field: curriculum ? 'curriculum' : tokenBudget ? 'tokenBudget' : 'batchSizes',
        message: 'needs a map-style dataset, but this one can only be iterated',
      },
    ]);
  }
  const { batchSize = 1, seed = 0 } = loader;
  if (curriculum) return { sampler: openCurriculum(curriculum, dataset, { batchSize, seed, folder }) };
  if (batchSizes) return openRamp(batchSizes, dataset, loader);
  const microBatches = launch.worldSize * (loader.gradientAccumulationSteps ?? 1);
  const lengths = lengthsOf(dataset, 'tokenBudget');
  return { batchSampler: new TokenBudgetSampler(dataset, { seed, microBatches, ...tokenBudget!, lengths }) };
}

function openRamp(
  schedule: readonly BatchSizeStage[],
  dataset: Dataset<unknown>,
  { shuffle, seed = 0, dropLast = false }: LoaderConfig,
): OpenedOrder {
  const sampler = samplerOf(dataset, { shuffle, seed, generator: undefined });
  return {
    batchSampler: new BatchSizeRamp(sampler, { schedule, dropLast }),
    shuffle: undefined,
    dropLast: undefined,
  };
}

function openCurriculum(
  { metrics, ...rest }: CurriculumSection,
  dataset: Dataset<unknown>,
  { batchSize, seed, folder }: { readonly batchSize: number; readonly seed: number; readonly folder: string },
): CurriculumSampler {
  const opened = Object.entries(metrics).map(([name, metric]) => [
    name,
    openMetric(name, metric, dataset, folder),
  ]);
  return new CurriculumSampler(dataset, { seed, ...rest, batchSize, metrics: Object.fromEntries(opened) });
}

const renamed = { index_to_sample_path: 'indexToSamplePath', index_to_metric_path: 'indexToMetricPath' };

function openMetric(
  name: string,
  { difficulty, indexToSamplePath, indexToMetricPath, ...metric }: MetricConfig,
  dataset: Dataset<unknown>,
  folder: string,
): CurriculumMetricOptions {
  const field = `curriculum.metrics.${name}`;
  for (const [old, name] of Object.entries(renamed)) {
    if (!Object.hasOwn(metric, old)) continue;
    const message = `is spelled ${name}`;
    throw new ConfigError('Millrace configuration', [{ field: `${field}.${old}`, message }]);
  }
  if (difficulty !== undefined && difficulty !== 'length') {
    const message = `must be 'length', not ${JSON.stringify(difficulty)}`;
    throw new ConfigError('Millrace configuration', [{ field: `${field}.difficulty`, message }]);
  }
  if (metric.index) return metric;
  if (difficulty === 'length') return { ...metric, index: lengthsOf(dataset, `${field}.difficulty`) };
  if (indexToSamplePath === undefined) return metric;
  const index: DifficultyOrder = DifficultyIndex.openSync({
    indexToSamplePath: resolve(folder, indexToSamplePath),
    ...(indexToMetricPath !== undefined && { indexToMetricPath: resolve(folder, indexToMetricPath) }),
  });
  return { ...metric, index };
}

function lengthsOf(dataset: Dataset<unknown>, field: string): Float64Array {
  const lengthOf = dataset.variesByEpoch ? undefined : sampleLengths(dataset);
  if (!lengthOf) {
    const message = `needs the token count of each sample, which a ${dataset.constructor.name} cannot provide without reading it`;
    throw new ConfigError('Millrace configuration', [{ field, message }], {
      next: 'Convert text to tokens with millrace convert, or measure the samples with millrace analyze and name its index.',
    });
  }
  return Float64Array.from({ length: dataset.length }, (_, index) => lengthOf(index, 0));
}
