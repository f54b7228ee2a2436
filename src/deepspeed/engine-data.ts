import * as v from 'valibot';
import type { Collated } from '../core/collated.js';
import type { Dataset, IterableDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { isJsonObject, type JsonObject } from '../core/json.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { detectRank } from '../distributed/index.js';
import { RepeatingLoader } from '../loader/index.js';
import { DistributedSampler } from '../samplers/index.js';
import type { Collectives } from './collectives.js';
import type { DeepSpeedConfig } from './config.js';
import type { DeepSpeedDataLoader } from './data-loader.js';
import { type DeepSpeedIoOptions, deepspeedIo, parsedConfig, processesOf } from './deepspeed-io.js';
import { checkEqualInputs } from './equal-inputs.js';

/** Which stage of a pipeline this process is. */
export interface PipelineStage {
  readonly stage: number;
  readonly stages: number;
  /** This process among those of its stage. */
  readonly dataParallelRank: number;
  readonly dataParallelWorldSize: number;
}

export interface EngineDataOptions<T, B>
  extends Omit<DeepSpeedIoOptions<T, B>, 'route' | 'batchSize' | 'pipeline'> {
  /** The stage, for a pipeline engine. @defaultValue none */
  readonly pipelineStage?: PipelineStage;
  /**
   * The tensor-parallel group of this process. Its ranks compare the first micro-batch, and fail if theirs differ.
   * @defaultValue none: not checked
   */
  readonly tensorParallelGroup?: Collectives;
}

const stageSchema = v.pipe(
  v.strictObject({
    stage: integerFrom(0),
    stages: integerFrom(1),
    dataParallelRank: integerFrom(0),
    dataParallelWorldSize: integerFrom(1),
  }),
  v.check(({ stage, stages }) => stage < stages, 'stage must be below stages'),
  v.check(
    ({ dataParallelRank, dataParallelWorldSize }) => dataParallelRank < dataParallelWorldSize,
    'dataParallelRank must be below dataParallelWorldSize',
  ),
);

/**
 * What DeepSpeed's engine does with data: it makes the loader, gives the micro-batches of each global step, and lets the batch sizes
 * change in mid-run.
 *
 * With `pipelineStage`, as its pipeline engine: the order of the dataset, unshuffled and repeated, on the first and last stage. The
 * stages between have no data: they get `undefined` for each micro-batch.
 *
 * ```ts
 * const engine = new EngineData(config, dataset);
 * for (let step = 0; step < steps; step++)
 *   for await (const batch of engine.microBatches()) train(batch);
 * ```
 */
export class EngineData<T, B = Collated<T, 'float32'>> {
  readonly #config: DeepSpeedConfig;
  readonly #parity: boolean;
  readonly #stage: PipelineStage | undefined;
  readonly #dataParallelWorldSize: number;
  #group: Collectives | undefined;
  #loader: DeepSpeedDataLoader<T, T, B> | undefined;
  #batches: AsyncIterator<B> | undefined;
  #batchFn: ((batch: B) => B | Promise<B>) | undefined;
  #trainBatchSize: number;
  #microBatchSize: number;
  #steps: number;

  /**
   * @param config - The result of `parseDeepSpeedConfig`, or the configuration itself.
   * @throws {@link ConfigError} as `deepspeedIo`.
   */
  constructor(
    config: DeepSpeedConfig | object | string,
    dataset: Dataset<T> | IterableDataset<T>,
    { pipelineStage, tensorParallelGroup, ...options }: EngineDataOptions<T, B> = {},
  ) {
    this.#stage =
      pipelineStage && parseOptions('EngineData options', stageSchema, pipelineStage, 'pipelineStage');
    const worldSize = this.#stage?.dataParallelWorldSize ?? processesOf(options).worldSize;
    this.#config = parsedConfig(config, worldSize, options.parity ?? false);
    this.#parity = options.parity ?? this.#config.parity;
    this.#dataParallelWorldSize = this.#config.dataParallelWorldSize;
    this.#group = tensorParallelGroup;
    this.#trainBatchSize = this.#config.trainBatchSize;
    this.#microBatchSize = this.#config.trainMicroBatchSizePerGpu;
    this.#steps = this.#config.gradientAccumulationSteps;
    if (!this.#hasData) return;
    const stage = this.#stage;
    this.#loader = deepspeedIo<T, B>(this.#config, dataset, {
      ...options,
      ...(stage && {
        rank: stage.dataParallelRank,
        localRank: Math.max(0, options.localRank ?? detectRank().localRank),
        dataSampler: options.dataSampler ?? pipelineOrder(dataset, stage),
        pipeline: true,
      }),
    });
  }

  /** Samples of a global step over all ranks. */
  get trainBatchSize(): number {
    return this.#trainBatchSize;
  }

  /** Samples of a micro-batch of one rank. */
  get trainMicroBatchSizePerGpu(): number {
    return this.#microBatchSize;
  }

  /** Micro-batches of a global step. */
  get gradientAccumulationSteps(): number {
    return this.#steps;
  }

  /** The loader; `undefined` on a stage without data, and after `setDataiterator`. */
  get trainingDataloader(): DeepSpeedDataLoader<T, T, B> | undefined {
    return this.#loader;
  }

  /**
   * Changes the samples of a global step, by the number of its micro-batches; micro-batches keep their size.
   *
   * @throws {@link ConfigError} unless micro-batch size times ranks divides it; and with curriculum learning, whose sampler draws global
   *   batches of one size (DeepSpeed's sampler then counts other steps than the engine).
   */
  setTrainBatchSize(trainBatchSize: number): void {
    const share = this.#microBatchSize * this.#dataParallelWorldSize;
    if (!Number.isSafeInteger(trainBatchSize) || trainBatchSize < 1 || trainBatchSize % share !== 0) {
      const message = `is ${trainBatchSize}, which must be a multiple of ${share}: micro-batch size ${this.#microBatchSize} · ranks ${this.#dataParallelWorldSize}`;
      throw new ConfigError('EngineData.setTrainBatchSize', [{ field: 'trainBatchSize', message }]);
    }
    this.#refuseCurriculum('EngineData.setTrainBatchSize', 'trainBatchSize');
    this.#trainBatchSize = trainBatchSize;
    this.#steps = trainBatchSize / share;
    this.#loader?.setGradientAccumulationSteps(this.#steps);
  }

  /**
   * Changes the samples of a micro-batch; a global step keeps its number of micro-batches. The next micro-batch has the new size, and
   * no sample is lost or repeated. With `parity`, the loader keeps its size, as DeepSpeed's.
   *
   * @throws {@link ConfigError} where the order decides the sizes: with curriculum learning, `dynamic_batching`, or a stream.
   */
  setTrainMicroBatchSize(microBatchSize: number): void {
    const schema = v.strictObject({ microBatchSize: integerFrom(1) });
    parseOptions('EngineData.setTrainMicroBatchSize', schema, { microBatchSize });
    this.#refuseCurriculum('EngineData.setTrainMicroBatchSize', 'microBatchSize');
    if (!this.#parity) this.#loader?.setBatchSize(microBatchSize);
    this.#microBatchSize = microBatchSize;
    this.#trainBatchSize = microBatchSize * this.#steps * this.#dataParallelWorldSize;
  }

  /** Changes each micro-batch of a pipeline before it is given out. Stages without data do not call it; with `parity` they do. */
  setBatchFn(batchFn: (batch: B) => B | Promise<B>): void {
    this.#batchFn = batchFn;
  }

  /** Takes micro-batches from an iterator of yours from now on. Has no effect on a stage without data. */
  setDataiterator(iterator: AsyncIterator<B> | Iterator<B>): void {
    if (!this.#hasData) return;
    this.#loader = undefined;
    this.#batches = { next: async () => iterator.next() };
  }

  /**
   * The next micro-batch. A pipeline repeats the dataset; otherwise the next epoch follows the last one too.
   *
   * @returns `undefined` on a stage without data.
   * @throws {@link EmptyLoaderError} if there are no batches, and {@link ConfigError} when an iterator of yours ends.
   */
  async nextBatch(): Promise<B | undefined> {
    if (!this.#hasData) {
      if (this.#parity && this.#batchFn) return this.#batchFn(undefined as B);
      return undefined;
    }
    this.#batches ??= new RepeatingLoader(this.#loader!, { parity: this.#parity })[Symbol.asyncIterator]();
    const next = await this.#batches.next();
    if (next.done) {
      const message =
        'has ended: a training step needs all its micro-batches, and other stages wait for them';
      throw new ConfigError('EngineData.setDataiterator', [{ field: 'iterator', message }]);
    }
    const batch = this.#batchFn ? await this.#batchFn(next.value) : next.value;
    if (this.#group) await checkEqualInputs(batch, this.#group);
    this.#group = undefined;
    return batch;
  }

  /** The micro-batches of the next global step. */
  async *microBatches(): AsyncGenerator<B | undefined, void, undefined> {
    const count = this.#steps;
    for (let k = 0; k < count; k++) yield await this.nextBatch();
  }

  /** The position of the loader, and the sizes in force. */
  stateDict(): JsonObject {
    return {
      loader: this.#loader?.stateDict() ?? null,
      train_micro_batch_size_per_gpu: this.#microBatchSize,
      gradient_accumulation_steps: this.#steps,
    };
  }

  /**
   * Continues with the micro-batch after the last one given out when the state was saved.
   *
   * @throws {@link StateMismatchError} if the state is that of another dataset, sampler or configuration.
   */
  loadStateDict(state: JsonObject): void {
    this.#batches = undefined;
    this.#microBatchSize = Number(state.train_micro_batch_size_per_gpu);
    this.#steps = Number(state.gradient_accumulation_steps);
    this.#trainBatchSize = this.#microBatchSize * this.#steps * this.#dataParallelWorldSize;
    this.#loader?.setGradientAccumulationSteps(this.#steps);
    if (this.#loader && isJsonObject(state.loader)) this.#loader.loadStateDict(state.loader);
  }

  /** Ends the loader. */
  async close(): Promise<void> {
    await this.#loader?.close();
  }

  /** Only the first stage of a pipeline needs inputs, and only the last one labels. */
  get #hasData(): boolean {
    if (!this.#stage) return true;
    return this.#stage.stage === 0 || this.#stage.stage === this.#stage.stages - 1;
  }

  #refuseCurriculum(subject: string, field: string): void {
    if (this.#parity || !this.#config.dataEfficiency.data_sampling.curriculum_learning.enabled) return;
    throw new ConfigError(subject, [
      {
        field,
        message: 'cannot change with curriculum learning: its sampler draws global batches of one size',
      },
    ]);
  }
}

function pipelineOrder(
  dataset: unknown,
  { dataParallelRank, dataParallelWorldSize }: PipelineStage,
): DistributedSampler {
  return new DistributedSampler(dataset as Dataset<unknown>, {
    worldSize: dataParallelWorldSize,
    rank: dataParallelRank,
    shuffle: false,
  });
}
