import type { Collate } from '../core/collate.js';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { isTensor } from '../core/tensor.js';
import { sampleContext } from '../random/sample-context.js';
import type { DeepSpeedConfig } from './config.js';
import { DataAnalyzer } from './data-analyzer.js';
import type { MetricResult } from './data-analyzer-options.js';
import type { DeepSpeedDataLoader } from './data-loader.js';
import { type DeepSpeedIoOptions, makeLoader, parsedConfig, processesOf } from './deepspeed-io.js';
import type { VariableBatchSampler } from './variable-batch-sampler.js';
import { type LrScheduler, type Optimizer, VariableBatchSizeLr } from './variable-batch-size-lr.js';
import { hasMeasuredSeqlens } from './variable-order.js';

export interface VariableBatchSizeOptions<T, B>
  extends Omit<DeepSpeedIoOptions<T, B>, 'route' | 'batchSize' | 'dataSampler' | 'seqlenWay'> {
  /** Whose learning rates follow the size of the batches. @defaultValue none */
  readonly optimizer?: Optimizer;
  /** The rates before scaling. @defaultValue the optimizer's rates, unchanged */
  readonly scheduler?: LrScheduler;
  /** Returns the lengths of a list of samples. Needed if nothing else knows them. @defaultValue none */
  readonly batchSeqlensFn?: (samples: readonly T[]) => MetricResult | Promise<MetricResult>;
}

/** What {@link variableBatchSize} makes. */
export interface VariableBatchSize<T, B> {
  /** Gives batches of variable size: without `collateFn`, lists of samples. */
  readonly loader: DeepSpeedDataLoader<T, T, B>;
  /** Call `step()` after each step of the optimizer. `null` without an optimizer. */
  readonly lrScheduler: VariableBatchSizeLr | null;
}

/** Samples whose lengths are measured at once. */
const measuredAtOnce = 1024;

/**
 * Batches of a bounded number of tokens, and learning rates that follow their size, from the section `dynamic_batching` of a DeepSpeed
 * configuration. DeepSpeed's `get_dataloader_and_lr_scheduler_for_variable_batch_size_deepspeed`.
 *
 * The lengths of the samples are `datasetSeqlens`; else those of the analysis under `metrics_path`; else what the dataset knows; else
 * `batchSeqlensFn` measures them. A run of one process then writes them to `metrics_path`.
 *
 * @param config - What `parseDeepSpeedConfig` gave, or the configuration itself.
 * @throws {@link ConfigError} if `dynamic_batching` is not enabled, an option is wrong, or the lengths are unknown.
 */
export async function variableBatchSize<T, B = readonly T[]>(
  config: DeepSpeedConfig | object | string,
  dataset: Dataset<T>,
  options: VariableBatchSizeOptions<T, B> = {},
): Promise<VariableBatchSize<T, B>> {
  const { optimizer, scheduler, batchSeqlensFn, ...rest } = options;
  const parsed = parsedConfig(config, processesOf(options).worldSize, options.parity ?? false);
  const { dynamic_batching, num_workers, pin_memory } = parsed.dataEfficiency.data_sampling;
  if (!dynamic_batching.enabled) {
    const field = 'data_efficiency.data_sampling.dynamic_batching.enabled';
    throw new ConfigError('DeepSpeed configuration', [{ field, message: 'is false' }]);
  }
  const isKnown = rest.datasetSeqlens !== undefined || hasMeasuredSeqlens(dynamic_batching.metrics_path);
  const measured = !isKnown && batchSeqlensFn ? await measure(dataset, batchSeqlensFn, parsed) : undefined;
  const loader = makeLoader<T, B>(
    parsed,
    dataset,
    {
      pinMemory: pin_memory,
      numLocalIoWorkers: num_workers,
      ...rest,
      ...(measured && { datasetSeqlens: measured }),
    } as DeepSpeedIoOptions<T, B>,
    'always',
  );
  const { packing } = loader.dataSampler as VariableBatchSampler;
  const lrScheduler = optimizer
    ? new VariableBatchSizeLr({
        optimizer,
        ...(scheduler && { scheduler }),
        baseBatchSize: parsed.trainBatchSize,
        batchSizes: packing.batchSizes,
        method: dynamic_batching.lr_scaling_method,
      })
    : null;
  return { loader, lrScheduler };
}

/** Measures the samples. One process writes the lengths, several only keep them: none of them waits for another. */
async function measure<T>(
  dataset: Dataset<T>,
  measureBatch: (samples: readonly T[]) => MetricResult | Promise<MetricResult>,
  { dataEfficiency, dataParallelWorldSize, sequenceParallelSize, tensorParallelSize }: DeepSpeedConfig,
): Promise<Float64Array | undefined> {
  const { metrics_path } = dataEfficiency.data_sampling.dynamic_batching;
  const processes = dataParallelWorldSize * sequenceParallelSize * tensorParallelSize;
  if (metrics_path !== undefined && processes === 1) {
    const analyzer = new DataAnalyzer(dataset, {
      batchSize: measuredAtOnce,
      metricNames: ['seqlen'],
      metricFunctions: [measureBatch as (batch: never) => MetricResult | Promise<MetricResult>],
      savePath: metrics_path,
      docIndex: 'plain',
      collateFn: ((samples: readonly T[]) => samples) as Collate<never, unknown> as (
        samples: readonly never[],
      ) => unknown,
    });
    await analyzer.runMapReduce();
    return undefined;
  }
  const seqlens = new Float64Array(dataset.length);
  for (let first = 0; first < dataset.length; first += measuredAtOnce) {
    const count = Math.min(measuredAtOnce, dataset.length - first);
    const samples = await Promise.all(
      Array.from({ length: count }, async (_, k) => dataset.get(first + k, sampleContext(first + k))),
    );
    const found = await measureBatch(samples);
    const values = isTensor(found) ? found.data : found;
    for (let k = 0; k < count; k++) seqlens[first + k] = Number(values[k]);
  }
  return seqlens;
}
