import * as v from 'valibot';
import type { Collate } from '../core/collate.js';
import type { Collated } from '../core/collated.js';
import type { SampleContext } from '../core/dataset.js';
import { type DType, isDType } from '../core/dtype.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { Uneven } from '../core/part-slice.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import { WorkerModule } from '../datasets/worker-module.js';
import { type DashboardOptions, dashboardSchema } from '../monitor/dashboard/dashboard-options.js';
import { TorchGenerator } from '../random/index.js';
import type { PadCollate } from './batch/pad-collate.js';
import type { OnError } from './batch/sample-steps.js';
import type { TorchRules } from './batch/tree-collate.js';
import type { CreateWorker } from './engine/workers/web-worker.js';
import { tooSmall } from './order/rank-layout.js';

interface CommonOptions<T, N extends DType, B, Reuse extends boolean> {
  /**
   * Makes a batch from samples. A function given as a value runs on the main thread; one named by `workerFunction`, and
   * `padCollate`, run in the workers. @defaultValue `defaultCollate`
   */
  readonly collate?: Collate<T, B> | WorkerModule<Collate<T, B>>;
  /**
   * Changes each sample before it is collated; draws random numbers from `context.rng` only. With workers it must be
   * named by `workerFunction`. @defaultValue none
   */
  readonly transform?:
    | ((sample: T, context: SampleContext) => T | Promise<T>)
    | WorkerModule<(sample: T, context: SampleContext) => T | Promise<T>>;
  /**
   * Threads that make batches; 0 makes them on this thread. `'auto'` begins with one or two and takes more, up to one less
   * than there are processors, as long as the consumer waits for batches; it does without where the dataset cannot be moved
   * into a worker. `stats().tuning` says what was chosen and why. @defaultValue `0`
   */
  readonly numWorkers?: number | 'auto';
  /**
   * Batches each worker makes ahead. `'auto'` begins with 2 and goes up to 16 where the consumer waits though the workers are
   * not busy. Needs workers. @defaultValue `'auto'`
   */
  readonly prefetchFactor?: number | 'auto';
  /**
   * Bytes that are fetched from URLs into the cache before the batches that need them are made, in the order in which those come. Less
   * than the cache holds; 0 fetches what is needed when it is. Needs a dataset with `cache`, and an order that can seek.
   * @defaultValue 256 MiB
   */
  readonly prefetchBytes?: number;
  /**
   * Makes a worker, in a browser: `() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })`, where `worker.js`
   * imports `millrace/worker`. Needs workers. @defaultValue the worker that comes with Millrace
   */
  readonly createWorker?: CreateWorker;
  /** Whether workers live on from epoch to epoch; idle, they do not keep the process alive. Needs workers. @defaultValue `true` */
  readonly persistentWorkers?: boolean;
  /**
   * Whether batches come in the sampler's order. `false` delivers each as soon as it is made, so that a slow sample
   * does not hold up the rest; states stay exact. Needs workers and a map-style dataset. @defaultValue `true`
   */
  readonly inOrder?: boolean;
  /**
   * Whether the memory that batches are lent in is page-locked, once, so that the accelerator copies from it by itself: see
   * `deviceBatches`. Needs `reuseBuffers` and a CUDA device; otherwise it has no effect. @defaultValue `false`
   */
  readonly pinMemory?: boolean;
  /** Longest wait for one batch, in milliseconds; 0 waits without limit. @defaultValue `0` */
  readonly timeoutMs?: number;
  /** Fixes the shuffle and every sample's random numbers. @defaultValue `0` */
  readonly seed?: number;
  /** Which part of each global batch is this process's, `0 … worldSize - 1`. @defaultValue `0` */
  readonly rank?: number;
  /** Processes that share each global batch. It does not change the global batches. @defaultValue `1` */
  readonly worldSize?: number;
  /**
   * Micro-batches of each global batch: an iteration gives them one by one, for gradients that are added up before a step of the
   * optimizer. Each is split over the ranks. It does not change the global batches. @defaultValue `1`
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
   * What to do about a sample that fails: `'throw'` a `SampleError`; `'skip'` it, counted in `stats()`; `'retry'` it
   * three times with growing pauses, then throw. With `'skip'` all ranks and micro-batches still have equally many batches, and it is an
   * error when all samples fail: 100 in a row, a whole epoch, or a whole global batch that is shared. @defaultValue `'throw'`
   */
  readonly onError?: OnError;
  /**
   * How many samples of an epoch `onError: 'skip'` may leave out before the epoch ends with a `SampleError`: a number from 1, or below 1
   * a share of the samples so far, once there are 100. Each rank counts its own. @defaultValue `0.1`
   */
  readonly maxFailures?: number;
  /**
   * Whether batches are lent: their memory is used again when the next one is asked for, or when `using batch` ends. Outside of
   * production (`NODE_ENV`) a tensor that is used later throws a `ReleasedBatchError`. @defaultValue `false`: a batch is yours
   * forever
   */
  readonly reuseBuffers?: Reuse;
  /** Dtype of a batch of JavaScript numbers. @defaultValue `'float32'` */
  readonly numberDtype?: N;
  /**
   * Draws what PyTorch's `DataLoader(generator=…)` draws from its generator, whose state advances: a base seed at the start
   * of each pass, and with `shuffle` the order. A `sampler` with the same generator draws its order after the base seed.
   * @defaultValue none: the shuffle follows from `seed`
   */
  readonly generator?: TorchGenerator;
  /**
   * Whether a live page shows the run: rates, waits, workers, curriculum, what is in the batches. For this machine alone unless options
   * say otherwise. Needs Node.js. @defaultValue what the environment variable `MILLRACE_DASHBOARD` says: `1`, a port, or nothing
   */
  readonly dashboard?: boolean | DashboardOptions;
}

interface SamplerOptions {
  /** Samples a global batch, over all ranks and micro-batches: at least one for each of them. @defaultValue `1` */
  readonly batchSize?: number;
  /** Whether to leave out a last batch that is not full. @defaultValue `false` */
  readonly dropLast?: boolean;
  /**
   * Whether to visit samples in a new random order each epoch. `'shards'` mixes the samples of eight files or row groups at a time, for
   * data that is remote: see `ShardSampler`. Excludes `sampler`. @defaultValue `false`
   */
  readonly shuffle?: boolean | 'shards';
  /** The order. @defaultValue sequential, or random with `shuffle` */
  readonly sampler?: Sampler;
  readonly batchSampler?: never;
}

interface BatchSamplerOptions {
  /** Gives whole global batches of indices. Excludes `batchSize`, `shuffle`, `sampler`, `dropLast`. */
  readonly batchSampler: BatchSampler;
  readonly batchSize?: never;
  readonly dropLast?: never;
  readonly shuffle?: never;
  readonly sampler?: never;
}

/** Options of a `DataLoader` over samples `T`, with batches `B`. */
export type DataLoaderOptions<T, N extends DType, B, Reuse extends boolean = boolean> = CommonOptions<
  T,
  N,
  B,
  Reuse
> &
  (SamplerOptions | BatchSamplerOptions) &
  InelasticOptions;

/** The same with `elastic: true`. */
export type ElasticLoaderOptions<T, N extends DType, B, Reuse extends boolean = boolean> = CommonOptions<
  T,
  N,
  B,
  Reuse
> &
  (SamplerOptions | BatchSamplerOptions) &
  ElasticOptions;

/** With `elastic: true`: an order that any rank can begin anywhere, and that does not depend on the world size. */
export interface ElasticOptions {
  /**
   * Whether the loader must be able to resume on other ranks without reading anything again. With `true` a sampler or stream that
   * cannot does not compile, and throws a `CapabilityError` that names it. @defaultValue `false`: a stream without a state of its
   * own is read again
   */
  readonly elastic: true;
  readonly sampler?: { readonly seekable: true; readonly elastic: true };
  readonly batchSampler?: { readonly seekable: true; readonly elastic: true };
}

/**
 * Stands in the compiler's message when `elastic: true` comes with a sampler or stream that cannot resume on other ranks. No value
 * has this type.
 */
export interface ElasticNeedsSeekableElasticOrder {
  readonly [needsSeekableElasticOrder]: never;
}
declare const needsSeekableElasticOrder: unique symbol;

/** Without `elastic: true` any order will do. */
export interface InelasticOptions {
  readonly elastic?: false | ElasticNeedsSeekableElasticOrder;
}

/** A collate that comes with the loader: what it makes follows from the samples. */
export type BuiltInCollate<N extends DType> = Pick<PadCollate<N>, 'padOptions'> | TorchRules<N>;

/** Options of a `DataLoader` with such a collate. */
export type BuiltInCollateOptions<T, N extends DType, Reuse extends boolean = boolean> = Omit<
  CommonOptions<T, N, Collated<T, N>, Reuse>,
  'collate'
> & { readonly collate: BuiltInCollate<N> } & (SamplerOptions | BatchSamplerOptions);

const iterableObject = <V>(what: string) =>
  v.custom<V>(
    (value) => typeof (value as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] === 'function',
    `must be ${what}`,
  );
const callable = <V>(what: string) =>
  v.custom<V>((value) => typeof value === 'function' || value instanceof WorkerModule, `must be ${what}`);

const autoOr = <S extends v.GenericSchema<number>>(number: S) =>
  v.union([v.literal('auto'), number], (issue) => {
    const [, ofNumber] = issue.issues ?? [];
    return `${ofNumber?.message ?? 'must be a whole number'}, or 'auto'`;
  });

const schema = v.strictObject({
  batchSize: v.optional(integerFrom(1)),
  dropLast: v.optional(booleanOption),
  shuffle: v.optional(v.union([booleanOption, v.literal('shards')], "must be true, false or 'shards'")),
  sampler: v.optional(iterableObject<Sampler>('an iterable of indices')),
  batchSampler: v.optional(iterableObject<BatchSampler>('an iterable of lists of indices')),
  collate: v.optional(
    callable<Collate<never, unknown> | WorkerModule<Collate<never, unknown>>>('a function'),
  ),
  transform: v.optional(
    callable<((sample: never, context: SampleContext) => unknown) | WorkerModule<never>>('a function'),
  ),
  numWorkers: v.optional(autoOr(integerFrom(0)), 0),
  prefetchFactor: v.optional(autoOr(integerFrom(1))),
  prefetchBytes: v.optional(integerFrom(0), 2 ** 28),
  persistentWorkers: v.optional(booleanOption),
  createWorker: v.optional(
    v.custom<CreateWorker>((value) => typeof value === 'function', 'must be a function that makes a Worker'),
  ),
  inOrder: v.optional(booleanOption, true),
  pinMemory: v.optional(booleanOption, false),
  timeoutMs: v.optional(v.pipe(v.number('must be a number'), v.minValue(0, 'must be 0 or more')), 0),
  seed: v.optional(integerFrom(0), 0),
  rank: v.optional(integerFrom(0), 0),
  worldSize: v.optional(integerFrom(1), 1),
  gradientAccumulationSteps: v.optional(integerFrom(1), 1),
  uneven: v.optional(
    v.picklist(['repeat', 'short', 'none'], "must be 'repeat', 'short' or 'none'"),
    'repeat',
  ),
  elastic: v.optional(booleanOption, false),
  onError: v.optional(v.picklist(['throw', 'skip', 'retry'], `must be 'throw', 'skip' or 'retry'`), 'throw'),
  maxFailures: v.optional(
    v.pipe(v.number('must be a number'), v.gtValue(0, "must be above 0; onError: 'throw' allows no failure")),
  ),
  reuseBuffers: v.optional(booleanOption, false),
  numberDtype: v.optional(
    v.custom<DType>((value) => isDType(value) && value !== 'bool', 'must be a dtype other than bool'),
    'float32',
  ),
  generator: v.optional(v.instance(TorchGenerator, 'must be a TorchGenerator')),
  dashboard: v.optional(dashboardSchema),
});

/** Options of a loader, checked, with every default filled in. */
export type ResolvedOptions = Readonly<v.InferOutput<typeof schema>> & {
  readonly prefetchFactor: number | 'auto';
  readonly persistentWorkers: boolean;
  readonly maxFailures: number;
};

/**
 * Checks the options of a loader.
 *
 * @throws {@link ConfigError} naming every unknown field, wrong value and impossible combination.
 */
export function resolveOptions(options: unknown): ResolvedOptions {
  const given = parseOptions('DataLoader options', schema, options);
  const problems = contradictions(given);
  if (problems.length > 0) throw new ConfigError('DataLoader options', problems);
  return {
    ...given,
    prefetchFactor: given.prefetchFactor ?? 'auto',
    persistentWorkers: given.persistentWorkers ?? true,
    maxFailures: given.maxFailures ?? 0.1,
  };
}

/** What an iterable dataset has no use for. @throws {@link ConfigError} */
export function checkIterable(options: ResolvedOptions): void {
  const { shuffle, sampler, batchSampler, generator } = options;
  const inOrder = options.inOrder ? undefined : options.inOrder;
  const uneven = options.uneven === 'repeat' ? undefined : options.uneven;
  const given = { shuffle, sampler, batchSampler, generator, inOrder, uneven };
  const problems = Object.entries(given)
    .filter(([, value]) => value !== undefined && (value !== false || given.inOrder === value))
    .map(([field]) => ({ field, message: 'needs a map-style dataset; this one can only be iterated' }));
  if (problems.length > 0) throw new ConfigError('DataLoader options', problems);
}

function contradictions(given: v.InferOutput<typeof schema>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const exclude = (field: keyof typeof given, other: keyof typeof given, why: string): void => {
    if (given[field] !== undefined && given[other] !== undefined)
      problems.push({ field, message: `${why} ${other}` });
  };
  for (const field of ['batchSize', 'shuffle', 'sampler', 'dropLast'] as const) {
    exclude(field, 'batchSampler', 'cannot be given together with');
  }
  exclude('shuffle', 'sampler', 'cannot be given together with');
  if (given.shuffle === 'shards') exclude('shuffle', 'generator', "cannot be 'shards' together with");
  if (given.numWorkers === 0) {
    for (const field of ['prefetchFactor', 'persistentWorkers', 'createWorker'] as const) {
      if (given[field] !== undefined) problems.push({ field, message: 'needs numWorkers of 1 or more' });
    }
    if (!given.inOrder) problems.push({ field: 'inOrder', message: 'false needs numWorkers of 1 or more' });
  }
  if (given.maxFailures !== undefined && given.onError !== 'skip')
    problems.push({ field: 'maxFailures', message: "needs onError: 'skip'" });
  if (given.uneven !== 'repeat' && given.batchSampler) {
    const message = `'${given.uneven}' goes with batchSize: how many samples a batchSampler gives in its last batch is not known`;
    problems.push({ field: 'uneven', message });
  }
  if (given.uneven === 'none' && given.elastic) {
    problems.push({
      field: 'uneven',
      message: "'none' makes epochs that depend on the world size, so it cannot be elastic",
    });
  }
  if (given.rank >= given.worldSize) {
    problems.push({
      field: 'rank',
      message: `${given.rank} is outside 0 … worldSize - 1 (worldSize ${given.worldSize})`,
    });
  }
  const sharing = tooSmall(given.batchSize ?? 1, given);
  if (sharing && !given.batchSampler) problems.push(sharing);
  for (const field of ['sampler', 'batchSampler'] as const) {
    const problem = given[field] && notAnOrder(given[field]);
    if (problem) problems.push({ field, message: problem });
  }
  return problems;
}

/** What is wrong with a sampler that cannot give an epoch again, or does not say how long one is. */
function notAnOrder(sampler: Sampler | BatchSampler): string | undefined {
  const isIterator = typeof (sampler as Partial<Iterator<unknown>>).next === 'function';
  if (isIterator && (sampler[Symbol.iterator]() as unknown) === sampler)
    return 'is an iterator, which is used up after one epoch: pass an object whose [Symbol.iterator]() begins anew each time';
  const { length } = sampler;
  if (Number.isInteger(length) && length >= 0) return undefined;
  return `must have a length, how much it gives an epoch: a whole number of 0 or more, not ${String(length)}`;
}
