import * as v from 'valibot';
import type { Collated } from '../core/collated.js';
import { type Dataset, type IterableDataset, isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { detectRank } from '../distributed/index.js';
import { type DeepSpeedConfig, parseDeepSpeedConfig } from './config.js';
import { type SeqlenWay, seqlenWayOption } from './cut-to-seqlen.js';
import { DeepSpeedDataLoader } from './data-loader.js';
import type { DeepSpeedDataLoaderConfig, DeepSpeedDataLoaderOptions } from './data-loader-options.js';
import { sequentialOrder } from './data-loader-order.js';
import { type VariableOrderOptions, variableOrder } from './variable-order.js';

/** Purpose of the batches. */
export type Route = 'train' | 'eval' | 'predict';

export interface DeepSpeedIoOptions<T, B>
  extends Pick<
      DeepSpeedDataLoaderOptions<T, T, B>,
      | 'pinMemory'
      | 'localRank'
      | 'tputTimer'
      | 'collateFn'
      | 'numLocalIoWorkers'
      | 'dataSampler'
      | 'samplePaddingFn'
      | 'parity'
    >,
    VariableOrderOptions {
  /** `eval` and `predict` read in order, without curriculum. @defaultValue `'train'` */
  readonly route?: Route;
  /** Samples of one micro-step of one rank. @defaultValue the configuration's `train_micro_batch_size_per_gpu` */
  readonly batchSize?: number;
  /** Rank of this process. @defaultValue from the launcher, else 0 */
  readonly rank?: number;
  /** Number of processes. @defaultValue the number for which the configuration was parsed */
  readonly worldSize?: number;
  /** What happens to rows that are longer than `curriculum_learning` allows: see `cutToSeqlen`. @defaultValue `'truncate'` */
  readonly seqlenWay?: SeqlenWay;
}

const schema = v.looseObject({
  route: v.optional(
    v.picklist(['train', 'eval', 'predict'], `must be 'train', 'eval' or 'predict'`),
    'train',
  ),
  batchSize: v.optional(integerFrom(1)),
  rank: v.optional(integerFrom(0)),
  worldSize: v.optional(integerFrom(1)),
  seqlenWay: v.optional(seqlenWayOption),
  pipeline: v.optional(booleanOption),
  parity: v.optional(booleanOption),
});

/**
 * Makes the loader that DeepSpeed's engine would make from its configuration (`engine.deepspeed_io`).
 *
 * In training, an enabled `dynamic_batching` makes batches of variable size ({@link variableBatchSize} scales the learning rates with
 * them), and an enabled `curriculum_learning` cuts batches to the length of their global step.
 *
 * @param config - The result of `parseDeepSpeedConfig`, or the configuration itself.
 * @param dataset - Map-style, or iterable.
 * @throws {@link ConfigError} if the configuration or an option is invalid, or they contradict one another.
 */
export function deepspeedIo<T, B = Collated<T, 'float32'>>(
  config: DeepSpeedConfig | object | string,
  dataset: Dataset<T> | IterableDataset<T>,
  options: DeepSpeedIoOptions<T, B> = {},
): DeepSpeedDataLoader<T, T, B> {
  return makeLoader(config, dataset, options, 'without parity');
}

/**
 * The same.
 *
 * @param variable - When `dynamic_batching` has effect: DeepSpeed's `deepspeed_io` does not know it.
 */
export function makeLoader<T, B>(
  config: DeepSpeedConfig | object | string,
  dataset: Dataset<T> | IterableDataset<T>,
  options: DeepSpeedIoOptions<T, B>,
  variable: 'always' | 'without parity',
): DeepSpeedDataLoader<T, T, B> {
  const {
    route,
    rank,
    worldSize,
    batchSize,
    datasetSeqlens,
    datasetFilterIds,
    pipeline,
    seqlenWay,
    ...rest
  } = {
    ...options,
    ...parseOptions('deepspeedIo options', schema, options),
  };
  const launched = detectRank();
  const parsed = parsedConfig(config, processesOf({ worldSize }).worldSize, rest.parity ?? false);
  const parity = rest.parity ?? parsed.parity;
  const shared = parsed.sequenceParallelSize * parsed.tensorParallelSize;
  const processes = parsed.dataParallelWorldSize * shared;
  if (worldSize !== undefined && worldSize !== processes) {
    throw new ConfigError('deepspeedIo options', [
      {
        field: 'worldSize',
        message: `is ${worldSize}, but the configuration was parsed for ${processes} processes`,
      },
    ]);
  }
  const isTraining = route === 'train';
  // Ranks of one sequence- or tensor-parallel group read the same samples.
  const dataParallelRank = Math.floor((rank ?? launched.rank) / shared);
  const ranks = { dataParallelRank, dataParallelWorldSize: parsed.dataParallelWorldSize };
  const isVariable =
    isTraining &&
    options.dataSampler == null &&
    isMapDataset(dataset) &&
    parsed.dataEfficiency.data_sampling.dynamic_batching.enabled &&
    (variable === 'always' || !parity);
  const own = isVariable
    ? variableOrder(parsed, dataset, ranks, { datasetSeqlens, datasetFilterIds, pipeline }, parity)
    : isTraining
      ? undefined
      : sequentialOrder(dataset, ranks, parity);
  return new DeepSpeedDataLoader<T, T, B>(dataset, {
    pinMemory: true,
    localRank: launched.localRank,
    ...rest,
    ...ranks,
    parity,
    batchSize: batchSize ?? parsed.trainMicroBatchSizePerGpu,
    tputTimer: isTraining ? options.tputTimer : undefined,
    dataloaderDropLast: parsed.dataloaderDropLast,
    dataSampler: options.dataSampler ?? own,
    ...(isTraining &&
      parsed.seqlenCurriculum && {
        seqlenCurriculum: {
          config: parsed.seqlenCurriculum,
          gradientAccumulationSteps: parsed.gradientAccumulationSteps,
          way: seqlenWay,
        },
      }),
    // In DeepSpeed, a curriculum replaces every sampler, whatever the route.
    ...((isTraining || parity) && curriculumOf(parsed, rank ?? launched.rank)),
  });
}

/** The processes of a run: as said, or as the launcher says. */
export function processesOf({ worldSize }: { readonly worldSize?: number | undefined }): {
  readonly worldSize: number;
} {
  return { worldSize: worldSize ?? detectRank().worldSize };
}

/** What `parseDeepSpeedConfig` gives for a configuration, which may be that already. */
export function parsedConfig(
  config: DeepSpeedConfig | object | string,
  worldSize: number,
  parity: boolean,
): DeepSpeedConfig {
  if (typeof config === 'object' && 'dataEfficiency' in config) return config as DeepSpeedConfig;
  return parseDeepSpeedConfig(config, { worldSize, parity });
}

function curriculumOf(
  { dataEfficiency, gradientAccumulationSteps }: DeepSpeedConfig,
  globalRank: number,
): { deepspeedDataloaderConfig: DeepSpeedDataLoaderConfig } | undefined {
  const { curriculum_learning, num_workers } = dataEfficiency.data_sampling;
  if (!curriculum_learning.enabled) return undefined;
  return {
    deepspeedDataloaderConfig: {
      curriculum_learning: true,
      data_efficiency: dataEfficiency,
      gradient_accumulation_steps: gradientAccumulationSteps,
      global_rank: globalRank,
      num_workers,
    },
  };
}
