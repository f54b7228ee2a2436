import * as v from 'valibot';
import { getAccelerator } from '../accelerator/index.js';
import type { Collate } from '../core/collate.js';
import { isIterableDataset, isMapDataset } from '../core/dataset.js';
import { ConfigError, ParityError } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { hasMethod } from '../core/property-of.js';
import type { Sampler } from '../core/sampler.js';
import { WorkerModule } from '../datasets/worker-module.js';
import { detectRank } from '../distributed/index.js';
import type { DataLoaderOptions } from '../loader/index.js';
import { seqlenWayOption } from './cut-to-seqlen.js';
import type { SamplerConfig } from './data-sampler-options.js';
import type { CurriculumConfig } from './schedule-config.js';
import type { SeqlenCurriculumOptions } from './seqlen-curriculum.js';
import { VariableBatchSampler } from './variable-batch-sampler.js';
import type { SamplePadding } from './variable-delivery.js';

/** Settings of curriculum learning that DeepSpeed's engine passes to its loader, in DeepSpeed's spelling. */
export interface DeepSpeedDataLoaderConfig {
  /** Whether the curriculum sampler selects the samples. @defaultValue `false` */
  readonly curriculum_learning?: boolean;
  /** The whole configuration, or its `data_efficiency` section. Required with curriculum learning. */
  readonly data_efficiency?: SamplerConfig;
  /** The data-parallel group; its size must be `dataParallelWorldSize`. */
  readonly data_parallel_group?: { size(): number };
  /** Micro-steps per global batch. @defaultValue `1` */
  readonly gradient_accumulation_steps?: number;
  /** Rank among all processes. @defaultValue `dataParallelRank` */
  readonly global_rank?: number;
  /** Workers with curriculum learning. @defaultValue `0` */
  readonly num_workers?: number;
}

/** Options that are passed through to the underlying `DataLoader`. */
export type PassedOnOptions<T, S> = Pick<
  DataLoaderOptions<T, 'float32', S, unknown>,
  | 'transform'
  | 'prefetchFactor'
  | 'persistentWorkers'
  | 'timeoutMs'
  | 'seed'
  | 'onError'
  | 'maxFailures'
  | 'reuseBuffers'
>;

export interface DeepSpeedDataLoaderOptions<T, S, B> {
  /** Samples of one micro-step of one rank. */
  readonly batchSize: number;
  /**
   * Whether to page-lock the memory of lent batches (`reuseBuffers`) if the accelerator is CUDA. @defaultValue
   * `false`
   */
  readonly pinMemory?: boolean;
  /**
   * Number of this process on its machine; negative if one process drives all devices. Selects the sampler, see
   * {@link DeepSpeedDataLoader}. @defaultValue from the launcher, else −1
   */
  readonly localRank?: number;
  /** Started before each batch is fetched. The caller stops it. @defaultValue none */
  readonly tputTimer?: { start(): void } | null | undefined;
  /** Makes a batch from samples. @defaultValue `defaultCollate`; with `parity`, `torchCollate()` */
  readonly collateFn?: Collate<S, B> | WorkerModule<Collate<S, B>> | null | undefined;
  /**
   * Number of workers. Ignored with curriculum learning, where the configuration sets it. @defaultValue 2 per device
   */
  readonly numLocalIoWorkers?: number | null | undefined;
  /**
   * The order of this rank's samples. Ignored with curriculum learning. @defaultValue see {@link DeepSpeedDataLoader}
   */
  readonly dataSampler?: Sampler | VariableBatchSampler | null | undefined;
  /**
   * Extends a sample to the length of its batch. Called with a `VariableBatchSampler` only, before the batch is collated, on the main
   * thread. @defaultValue samples stay as they are
   */
  readonly samplePaddingFn?: SamplePadding<S> | null | undefined;
  /** Number of ranks that read different samples. @defaultValue from the launcher */
  readonly dataParallelWorldSize?: number | null | undefined;
  /** This rank's number among them. @defaultValue from the launcher */
  readonly dataParallelRank?: number | null | undefined;
  /** Whether to drop a last batch that is not full. @defaultValue `false` */
  readonly dataloaderDropLast?: boolean;
  /** Curriculum learning. @defaultValue none */
  readonly deepspeedDataloaderConfig?: DeepSpeedDataLoaderConfig;
  /**
   * The legacy curriculum, by sequence length: batches are cut to the length of their global step as they are delivered.
   * DeepSpeed's loader does not cut: it leaves that to the model. @defaultValue none
   */
  readonly seqlenCurriculum?: SeqlenCurriculumOptions | null | undefined;
  /** Settings that DeepSpeed lacks. @defaultValue the defaults of `DataLoader` */
  readonly loaderOptions?: PassedOnOptions<T, S>;
  /**
   * Whether to reproduce DeepSpeed's defects: the same order in each epoch of a distributed run, a curriculum state
   * that is ahead of its batch, a length that counts all ranks and epochs, and PyTorch's dtypes. A batch of numbers
   * is then int64 or float64, which the default of `B` does not reflect. @defaultValue `false`
   */
  readonly parity?: boolean;
}

const groupOption = v.custom<{ size(): number }>(
  (group) => hasMethod(group, 'size'),
  'must have a size method',
);

// The underlying loader checks their values; this schema rejects unknown names.
const passedOnEntries = {
  transform: v.optional(v.unknown()),
  prefetchFactor: v.optional(v.unknown()),
  persistentWorkers: v.optional(v.unknown()),
  timeoutMs: v.optional(v.unknown()),
  seed: v.optional(v.unknown()),
  onError: v.optional(v.unknown()),
  maxFailures: v.optional(v.unknown()),
  reuseBuffers: v.optional(v.unknown()),
} satisfies Record<keyof PassedOnOptions<never, never>, unknown>;

const schema = v.strictObject({
  batchSize: integerFrom(1),
  pinMemory: v.optional(booleanOption, false),
  localRank: v.optional(v.pipe(v.number('must be a number'), v.safeInteger('must be an integer'))),
  tputTimer: v.nullish(
    v.custom<{ start(): void }>((timer) => hasMethod(timer, 'start'), 'must have a start method'),
  ),
  collateFn: v.nullish(
    v.custom<Collate<never, unknown> | WorkerModule<Collate<never, unknown>>>(
      (value) => typeof value === 'function' || value instanceof WorkerModule,
      'must be a function',
    ),
  ),
  numLocalIoWorkers: v.nullish(integerFrom(0)),
  dataSampler: v.nullish(
    v.custom<Sampler | VariableBatchSampler>(
      (value) => hasMethod(value, Symbol.iterator),
      'must be an iterable of indices',
    ),
  ),
  samplePaddingFn: v.nullish(
    v.custom<SamplePadding<unknown>>((value) => typeof value === 'function', 'must be a function'),
  ),
  dataParallelWorldSize: v.nullish(integerFrom(1)),
  dataParallelRank: v.nullish(integerFrom(0)),
  dataloaderDropLast: v.optional(booleanOption, false),
  deepspeedDataloaderConfig: v.optional(
    v.strictObject({
      curriculum_learning: v.optional(booleanOption, false),
      data_efficiency: v.optional(
        v.custom<SamplerConfig>((value) => typeof value === 'object', 'must be an object'),
      ),
      data_parallel_group: v.optional(groupOption),
      gradient_accumulation_steps: v.optional(integerFrom(1), 1),
      global_rank: v.optional(integerFrom(0)),
      num_workers: v.optional(integerFrom(0), 0),
    }),
    {},
  ),
  seqlenCurriculum: v.nullish(
    v.strictObject({
      config: v.custom<CurriculumConfig>(
        (value) => typeof value === 'object' && value !== null,
        'must be an object',
      ),
      gradientAccumulationSteps: v.optional(integerFrom(1)),
      way: v.optional(seqlenWayOption),
    }),
  ),
  loaderOptions: v.optional(v.strictObject(passedOnEntries), {}),
  parity: v.optional(booleanOption, false),
});

/** Source of the order of the samples. */
export type OrderSource = 'curriculum' | 'variable' | 'given' | 'distributed' | 'random' | 'stream';

/** Plan of a loader: its checked options, and everything derived from them. */
export interface LoaderPlan
  extends Readonly<Omit<v.InferOutput<typeof schema>, 'deepspeedDataloaderConfig'>> {
  readonly curriculum: v.InferOutput<typeof schema>['deepspeedDataloaderConfig'];
  readonly order: OrderSource;
  /** Samples of one batch of this loader. */
  readonly batchSize: number;
  readonly deviceCount: number;
  readonly numWorkers: number;
  /** Whether the user set the number of workers, which must then not change silently. */
  readonly workersWereChosen: boolean;
  readonly worldSize: number;
  readonly rank: number;
}

/**
 * Derives sampler, batch size, devices and workers from the options of a loader.
 *
 * | | order | batch size | devices | workers |
 * |---|---|---|---|---|
 * | curriculum | curriculum sampler | `batchSize` | the accelerator's | `num_workers` |
 * | given | a `VariableBatchSampler` | its own | as below | as below |
 * | `localRank` ≥ 0 | given, else distributed | `batchSize` | 1 | given, else 2 |
 * | `localRank` < 0 | given, else random | `batchSize` · devices | the accelerator's | given, else 2 · devices |
 *
 * @throws {@link ConfigError} naming every option that is unknown, invalid or contradictory.
 */
export function planLoader(options: unknown, dataset: unknown): LoaderPlan {
  const { deepspeedDataloaderConfig: curriculum, ...given } = parseOptions(
    'DeepSpeedDataLoader options',
    schema,
    options,
  );
  const launched = detectRank();
  const localRank = given.localRank ?? (launched.launcher === 'single' ? -1 : launched.localRank);
  const worldSize = given.dataParallelWorldSize ?? launched.worldSize;
  const rank = given.dataParallelRank ?? (given.dataParallelWorldSize == null ? launched.rank : 0);
  refuseContradictions({ ...given, rank, worldSize, curriculum });
  const onePerProcess = localRank >= 0 && !curriculum.curriculum_learning;
  const deviceCount = onePerProcess ? 1 : getAccelerator().deviceCount();
  const drivesAllDevices = localRank < 0 && !curriculum.curriculum_learning;
  const chosenWorkers = curriculum.curriculum_learning ? curriculum.num_workers : given.numLocalIoWorkers;
  return {
    ...given,
    curriculum,
    order: orderSource(given.dataSampler, dataset, localRank, curriculum.curriculum_learning, given.parity),
    batchSize: given.batchSize * (drivesAllDevices ? deviceCount : 1),
    deviceCount,
    numWorkers: chosenWorkers ?? 2 * deviceCount,
    workersWereChosen: chosenWorkers != null,
    worldSize,
    rank,
  };
}

function orderSource(
  dataSampler: Sampler | VariableBatchSampler | null | undefined,
  dataset: unknown,
  localRank: number,
  curriculum: boolean,
  parity: boolean,
): OrderSource {
  if (!isMapDataset(dataset)) return streamSource(dataset, curriculum, parity);
  if (curriculum) return 'curriculum';
  if (dataSampler instanceof VariableBatchSampler) return 'variable';
  if (dataSampler) return 'given';
  return localRank >= 0 ? 'distributed' : 'random';
}

function streamSource(dataset: unknown, curriculum: boolean, parity: boolean): OrderSource {
  if (!isIterableDataset(dataset)) {
    throw problem('dataset', 'is neither map-style (length and get) nor iterable (iterate)');
  }
  if (curriculum) throw problem('dataset', 'must be map-style: curriculum learning selects samples by index');
  if (!parity) return 'stream';
  throw new ParityError('The dataset has no length', {
    where: { original: 'TypeError' },
    next: 'Turn parity off: iterable datasets are supported without it.',
  });
}

function refuseContradictions({
  rank,
  worldSize,
  curriculum,
  loaderOptions,
  samplePaddingFn,
}: Pick<LoaderPlan, 'rank' | 'worldSize' | 'curriculum' | 'loaderOptions' | 'samplePaddingFn'>): void {
  if (rank >= worldSize) {
    throw problem('dataParallelRank', `is ${rank}; must be below dataParallelWorldSize, ${worldSize}`);
  }
  const groupSize = curriculum.data_parallel_group?.size() ?? worldSize;
  if (groupSize !== worldSize) {
    const field = 'deepspeedDataloaderConfig.data_parallel_group';
    throw problem(field, `has ${groupSize} ranks, and dataParallelWorldSize is ${worldSize}`);
  }
  if (curriculum.curriculum_learning && !curriculum.data_efficiency) {
    throw problem('deepspeedDataloaderConfig.data_efficiency', 'is missing; curriculum learning requires it');
  }
  const { onError } = loaderOptions;
  if (onError !== 'skip' && onError !== 'replace') return;
  const what = `cannot be '${onError}' with`;
  if (samplePaddingFn)
    throw problem('loaderOptions.onError', `${what} samplePaddingFn: each sample has its length`);
  if (curriculum.curriculum_learning)
    throw problem('loaderOptions.onError', `${what} curriculum learning, where each batch has a state`);
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('DeepSpeedDataLoader options', [{ field, message }]);
}
