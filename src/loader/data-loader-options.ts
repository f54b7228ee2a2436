import type { Collate } from '../core/collate.js';
import type { Collated } from '../core/collated.js';
import type { SampleContext } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import type { Uneven } from '../core/part-slice.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import type { WorkerModule } from '../datasets/worker-module.js';
import type { DashboardOptions } from '../monitor/dashboard/dashboard-options.js';
import type { TorchGenerator } from '../random/index.js';
import type { PadCollate } from './batch/pad-collate.js';
import type { OnError } from './batch/sample-steps.js';
import type { TorchRules } from './batch/tree-collate.js';
import type { CreateWorker } from './engine/workers/web-worker.js';

interface CommonOptions<T, N extends DType, S, B, Reuse extends boolean, Traced extends boolean> {
  /**
   * Makes a batch from samples. A function passed as a value runs on the main thread; one named by `workerFunction`,
   * and `padCollate`, run in the workers. @defaultValue `defaultCollate`
   */
  readonly collate?: Collate<S, B> | WorkerModule<Collate<S, B>>;
  /**
   * Changes each sample before it is collated, its type too. Draw random numbers from `context.rng` only. With workers it must be
   * named by `workerFunction`. If `collate` is written in the same call, `transform` comes first: TypeScript infers in this order.
   * @defaultValue none
   */
  readonly transform?:
    | ((sample: T, context: SampleContext) => S | Promise<S>)
    | WorkerModule<(sample: T, context: SampleContext) => S | Promise<S>>;
  /**
   * Number of threads that make batches; 0 makes them on this thread. `'auto'` starts with one or two and adds more,
   * up to one fewer than the processors, while the consumer waits for batches. It uses none if the dataset cannot be
   * moved into a worker. `stats().tuning` gives the choice and the reason. @defaultValue `0`
   */
  readonly numWorkers?: number | 'auto';
  /**
   * Number of batches that each worker makes ahead. `'auto'` starts with 2 and goes up to 16 if the consumer waits
   * although the workers are not busy; up to 64 if a batch is made in under 20 µs. Requires workers. @defaultValue `'auto'`
   */
  readonly prefetchFactor?: number | 'auto';
  /**
   * Maximum number of bytes fetched from URLs into the cache before their batches are made, in the order of the
   * batches. Must be less than the cache holds; 0 fetches on demand. Requires a dataset with `cache`, and an order
   * that can seek. @defaultValue 256 MiB
   */
  readonly prefetchBytes?: number;
  /**
   * Makes a worker in a browser: `() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })`,
   * where `worker.js` imports `millrace/worker`. Requires workers. @defaultValue the worker that Millrace includes
   */
  readonly createWorker?: CreateWorker;
  /**
   * Another loader whose worker threads make the batches of this one too, for a validation loader beside a training loader. Both are
   * served in the order of their requests, and closing one leaves the other. `numWorkers` and `createWorker` are those of that
   * loader. @defaultValue none: threads of its own
   */
  readonly workersOf?: AsyncDisposable & { readonly options: { readonly numWorkers: number | 'auto' } };
  /**
   * Keeps samples after dataset and transform made them, so that later epochs and runs do not make them again: for transforms that take
   * long and always give the same. `{ memory }` shares that many bytes among the workers and keeps the first samples that fit. `{ disk }`
   * is a folder, which runs and processes share; a sample is found there by the code, the options and the data that it was made from.
   * With more than `maxBytes` in it (by default 32 GiB), samples of other code are evicted. A sample that needs random numbers, or its
   * epoch, is an error. Requires Node.js and a map-style dataset. @defaultValue none
   */
  readonly cacheSamples?:
    | { readonly memory: number; readonly disk?: never; readonly maxBytes?: never }
    | { readonly disk: string; readonly maxBytes?: number; readonly memory?: never };
  /**
   * Whether workers stay alive between epochs; idle workers do not keep the process alive. Requires workers.
   * @defaultValue `true`
   */
  readonly persistentWorkers?: boolean;
  /**
   * Whether batches are delivered in the sampler's order. `false` delivers each as soon as it is made, so that a slow
   * sample does not delay the others; states stay exact. Requires workers and a map-style dataset. @defaultValue
   * `true`
   */
  readonly inOrder?: boolean;
  /**
   * Whether to page-lock the memory of lent batches, once, so that the accelerator can copy from it directly: see
   * `deviceBatches`. Has an effect only with `reuseBuffers` and a CUDA device. @defaultValue `false`
   */
  readonly pinMemory?: boolean;
  /** Maximum wait for one batch, in milliseconds; 0 for no limit. @defaultValue `0` */
  readonly timeoutMs?: number;
  /** Fixes the shuffle and every sample's random numbers. @defaultValue `0` */
  readonly seed?: number;
  /** Rank of this process, `0 … worldSize - 1`, which selects its share of each global batch. @defaultValue `0` */
  readonly rank?: number;
  /** Number of processes that share each global batch. Does not change the global batches. @defaultValue `1` */
  readonly worldSize?: number;
  /**
   * Micro-batches per global batch. The loader yields them one by one, for gradients that are accumulated before an
   * optimizer step. Each is divided among the ranks. Does not change the global batches. @defaultValue `1`
   */
  readonly gradientAccumulationSteps?: number;
  /**
   * What happens to a last global batch with fewer samples than ranks and micro-batches. `'repeat'` repeats samples, so that all ranks
   * have equally many batches: right for training. `'short'` gives each sample once, so that some ranks have fewer batches: right for
   * evaluation. `'none'` leaves the global batch out, so that an epoch depends on the world size. Options other than `'repeat'` need a
   * map-style dataset, and no `batchSampler`. @defaultValue `'repeat'`
   */
  readonly uneven?: Uneven;
  /**
   * How to handle a sample that fails: `'throw'` a `SampleError`; `'skip'` it; `'replace'` it with the next sample of its source that
   * can be made, so that batches keep their size; `'retry'` it three times with growing pauses, then throw. `'skip'` and `'replace'`
   * count the sample in `stats()` and never change the number of batches: a batch that would be empty holds another sample. It is an
   * error if too many fail: 100 in a row, a whole epoch, or all that could replace one. @defaultValue `'throw'`
   */
  readonly onError?: OnError;
  /**
   * How many samples of an epoch may fail under `onError: 'skip'` or `'replace'` before the epoch ends with a `SampleError`: a number from 1, or below 1
   * a share of the samples so far, once there are 100. Each rank counts its own. @defaultValue `0.1`
   */
  readonly maxFailures?: number;
  /**
   * Whether each batch has `batch.origin`: where each sample comes from (source, index, pass, tokens, documents). `stats()`, receipts and
   * monitors then have sums by source and pass. Requires a map-style dataset. @defaultValue `false`
   */
  readonly provenance?: Traced;
  /**
   * Whether batches are lent: their memory is reused when the next one is requested, or when `using batch` ends.
   * Outside of production (`NODE_ENV`), a tensor that is used later throws a `ReleasedBatchError`. @defaultValue
   * `false`: you own every batch
   */
  readonly reuseBuffers?: Reuse;
  /** Dtype of a batch of JavaScript numbers. @defaultValue `'float32'` */
  readonly numberDtype?: N;
  /**
   * Draws what PyTorch's `DataLoader(generator=…)` draws from its generator, whose state advances: a base seed at the
   * start of each pass, and with `shuffle` the order. A `sampler` with the same generator draws its order after the
   * base seed. @defaultValue none: the shuffle follows from `seed`
   */
  readonly generator?: TorchGenerator;
  /**
   * Whether a live page shows the run: rates, waits, workers, curriculum, contents of batches. Only this machine can
   * open it, unless its options allow others. Requires Node.js. @defaultValue the environment variable
   * `MILLRACE_DASHBOARD`: `1`, a port, or unset
   */
  readonly dashboard?: boolean | DashboardOptions;
}

interface SamplerOptions {
  /** Samples per global batch, over all ranks and micro-batches: at least one for each of them. @defaultValue `1` */
  readonly batchSize?: number;
  /** Whether to drop a last batch that is not full. @defaultValue `false` */
  readonly dropLast?: boolean;
  /**
   * Whether to visit samples in a new random order in each epoch. `'shards'` mixes the samples of eight files or row
   * groups at a time, for remote data: see `ShardSampler`. Excludes `sampler`. @defaultValue `false`
   */
  readonly shuffle?: boolean | 'shards';
  /** The order. @defaultValue sequential, or random with `shuffle` */
  readonly sampler?: Sampler;
  readonly batchSampler?: never;
}

interface BatchSamplerOptions {
  /** Yields whole global batches of indices. Excludes `batchSize`, `shuffle`, `sampler`, `dropLast`. */
  readonly batchSampler: BatchSampler;
  readonly batchSize?: never;
  readonly dropLast?: never;
  readonly shuffle?: never;
  readonly sampler?: never;
}

/** Options of a `DataLoader` over samples `T`, which `transform` makes samples `S`, with batches `B`. */
export type DataLoaderOptions<
  T,
  N extends DType,
  S,
  B,
  Reuse extends boolean = boolean,
  Traced extends boolean = boolean,
> = CommonOptions<T, N, S, B, Reuse, Traced> & (SamplerOptions | BatchSamplerOptions) & InelasticOptions;

/** The same with `elastic: true`. */
export type ElasticLoaderOptions<
  T,
  N extends DType,
  S,
  B,
  Reuse extends boolean = boolean,
  Traced extends boolean = boolean,
> = CommonOptions<T, N, S, B, Reuse, Traced> & (SamplerOptions | BatchSamplerOptions) & ElasticOptions;

/** With `elastic: true`: an order that any rank can start anywhere, and that does not depend on the world size. */
export interface ElasticOptions {
  /**
   * Whether the loader must be able to resume on other ranks without reading anything again. With `true`, a sampler
   * or stream that cannot does not compile, and throws a `CapabilityError` that names it. @defaultValue `false`: a
   * stream without a state is read again
   */
  readonly elastic: true;
  readonly sampler?: { readonly seekable: true; readonly elastic: true };
  readonly batchSampler?: { readonly seekable: true; readonly elastic: true };
}

/**
 * Appears in the compiler's message if `elastic: true` is combined with a sampler or stream that cannot resume on
 * other ranks. No value has this type.
 */
export interface ElasticNeedsSeekableElasticOrder {
  readonly [needsSeekableElasticOrder]: never;
}
declare const needsSeekableElasticOrder: unique symbol;

/** Without `elastic: true`, any order. */
export interface InelasticOptions {
  readonly elastic?: false | ElasticNeedsSeekableElasticOrder;
}

/** A built-in collate, whose result type follows from the samples. */
export type BuiltInCollate<N extends DType> = Pick<PadCollate<N>, 'padOptions'> | TorchRules<N>;

/** Options of a `DataLoader` with a built-in collate. */
export type BuiltInCollateOptions<
  T,
  N extends DType,
  S,
  Reuse extends boolean = boolean,
  Traced extends boolean = boolean,
> = Omit<CommonOptions<T, N, S, Collated<S, N>, Reuse, Traced>, 'collate'> & {
  readonly collate: BuiltInCollate<N>;
} & (SamplerOptions | BatchSamplerOptions);
