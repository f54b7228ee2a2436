import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { IndexedDataset } from '../formats/indexed/indexed-dataset.js';
import { sampleLengths } from '../tokens/sample-lengths.js';
import { batchBySeqlens } from './batch-by-seqlens.js';
import type { DeepSpeedConfig } from './config.js';
import type { DataParallelRank } from './data-loader-order.js';
import { VariableBatchSampler } from './variable-batch-sampler.js';

/** Where the lengths of the samples come from, and what batches must have in common. */
export interface VariableOrderOptions {
  /** Tokens of each sample. @defaultValue the index under `metrics_path`, else what the dataset knows without reading */
  readonly datasetSeqlens?: ArrayLike<number> | undefined;
  /** The samples to use, in this order. @defaultValue all */
  readonly datasetFilterIds?: readonly number[] | undefined;
  /** Whether the batches are for a pipeline engine: the micro-batches of a batch then have equally many sequences. @defaultValue `false` */
  readonly pipeline?: boolean | undefined;
}

const section = 'data_efficiency.data_sampling.dynamic_batching';

/** Prefix of the file with the length of each sample, in the folder of an analysis. */
export function seqlenPrefix(metricsPath: string): string {
  return join(metricsPath, 'seqlen', 'seqlen_sample_to_metric');
}

/** Whether the analysis under `metrics_path` is there. */
export function hasMeasuredSeqlens(metricsPath: string | undefined): metricsPath is string {
  if (metricsPath === undefined) return false;
  return ['.bin', '.idx'].every((ending) => existsSync(seqlenPrefix(metricsPath) + ending));
}

/**
 * The batches of variable size that a configuration asks for.
 *
 * @throws {@link ConfigError} if the lengths of the samples are unknown, or do not fit the dataset; {@link FormatError} for a damaged index.
 */
export function variableOrder(
  config: DeepSpeedConfig,
  dataset: Dataset<unknown>,
  { dataParallelRank, dataParallelWorldSize }: DataParallelRank,
  options: VariableOrderOptions,
  parity: boolean,
): VariableBatchSampler {
  const { curriculum_learning, dynamic_batching } = config.dataEfficiency.data_sampling;
  if (curriculum_learning.enabled && !parity) {
    const message =
      'cannot be enabled together with curriculum_learning: each decides the batches. Disable one';
    throw new ConfigError('DeepSpeed configuration', [{ field: section, message }]);
  }
  const packing = batchBySeqlens(seqlensOf(dataset, dynamic_batching.metrics_path, options), {
    maxTokens: dynamic_batching.max_tokens!,
    ...(options.datasetFilterIds && { sequenceIds: options.datasetFilterIds }),
    minBatchSize: dynamic_batching.min_batch_size,
    maxBatchSize: dynamic_batching.max_batch_size,
    sequencePickingOrder: dynamic_batching.sequence_picking_order,
    effectiveBatchSize: config.trainBatchSize,
    requiredMicrobatchesOfSameSize: options.pipeline ?? false,
    seed: config.dataEfficiency.seed,
    parity,
  });
  return new VariableBatchSampler(packing, {
    rank: dataParallelRank,
    worldSize: dataParallelWorldSize,
    microBatchesPerStep: config.trainMicroBatchSizePerGpu,
  });
}

function seqlensOf(
  dataset: Dataset<unknown>,
  metricsPath: string | undefined,
  { datasetSeqlens }: VariableOrderOptions,
): Float64Array {
  const measured = hasMeasuredSeqlens(metricsPath);
  const field = datasetSeqlens ? 'datasetSeqlens' : measured ? `${section}.metrics_path` : 'dataset';
  const seqlens = datasetSeqlens ?? (measured ? readSeqlens(metricsPath) : knownSeqlens(dataset));
  if (!seqlens) {
    throw new ConfigError(
      'DeepSpeed configuration',
      [{ field: section, message: 'needs the length of each sample, and nothing gives it' }],
      {
        next: 'Pass datasetSeqlens, let metrics_path name the folder of an analysis with the metric seqlen, or call variableBatchSize with batchSeqlensFn.',
      },
    );
  }
  if (seqlens.length === dataset.length) return Float64Array.from(seqlens);
  const message = `has ${seqlens.length} lengths for ${dataset.length} samples`;
  throw new ConfigError('DeepSpeed configuration', [{ field, message }], {
    next: 'Measure the samples again after the dataset has changed.',
  });
}

function readSeqlens(metricsPath: string): Float64Array {
  const index = IndexedDataset.openSync(seqlenPrefix(metricsPath), { dtypeTable: 'deepspeed' });
  try {
    return Float64Array.from({ length: index.length }, (_, sample) => Number(index.get(sample).data[0]));
  } finally {
    index.close();
  }
}

function knownSeqlens(dataset: Dataset<unknown>): Float64Array | undefined {
  const lengthOf = dataset.variesByEpoch ? undefined : sampleLengths(dataset);
  return lengthOf && Float64Array.from({ length: dataset.length }, (_, index) => lengthOf(index, 0));
}
