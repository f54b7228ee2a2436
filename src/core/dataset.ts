import type { DType } from './dtype.js';
import type { MillraceError } from './errors.js';
import type { JsonObject } from './json.js';
import type { OptionalMethod } from './optional-method.js';
import type { Tensor } from './tensor.js';

/** Sample indices in any indexable form: an array or a typed array of whole numbers. */
export type IndexArray = ArrayLike<number> & Iterable<number>;

/**
 * Random numbers for one draw of a sample. They depend on seed, epoch, position in the order and index, and on nothing else: any
 * worker, rank layout or attempt draws the same, and a sample that comes twice in an epoch draws others the second time.
 */
export interface SampleRandom {
  /** The next 32 random bits as an unsigned integer. */
  uint32(): number;
  /** Uniform in `[0, 1)`, 53 bits. */
  float(): number;
  /** Uniform integer in `low … high - 1`, without bias. */
  integer(low: number, high: number): number;
  /** True with the given probability. @defaultValue `0.5` */
  boolean(probability?: number): boolean;
  /** Standard normal. */
  normal(): number;
}

/** What a dataset and a transform are told when they make one sample. */
export interface SampleContext {
  readonly index: number;
  readonly epoch: number;
  readonly seed: number;
  /** Which worker makes it, or `null` on the main thread. Results must not depend on it. */
  readonly worker: number | null;
  readonly rng: SampleRandom;
  /**
   * The context of a part of the sample, with random numbers of its own: give one to each part that is made at the same time as
   * others, so that timing cannot swap their draws. The same name gives the same random numbers.
   *
   * @param name - What the part is called in the sample, or its ordinal.
   */
  part(name: string | number, part?: SamplePart): SampleContext;
}

/** What is different for a part of a sample. */
export interface SamplePart {
  /** Its index in the dataset that makes it. @defaultValue that of the sample */
  readonly index?: number;
  /** The epoch of the dataset that makes it. @defaultValue that of the sample */
  readonly epoch?: number;
  /**
   * Whether all samples of a pass share the part, as two rows share a document that is split: its random numbers then depend on
   * the pass instead of the position. @defaultValue `false`
   */
  readonly shared?: boolean;
}

/** Makes tensors in the memory where the batch will be read. */
export type Allocate = <D extends DType>(dtype: D, shape: readonly number[]) => Tensor<D>;

/** What a dataset is told when it makes a whole batch. */
export interface BatchContext {
  readonly epoch: number;
  readonly seed: number;
  readonly worker: number | null;
  /** Contents are unspecified: write every element. */
  readonly allocate: Allocate;
  /**
   * The context of one sample of the batch.
   *
   * @param slot - Its place in the batch: `k` for `indices[k]`.
   * @throws {@link IndexRangeError} when the batch has no such place.
   */
  sample(slot: number): SampleContext;
}

/** What an iterable dataset is told when a pass over it, or over one of its shards, begins. */
export interface ShardContext {
  readonly epoch: number;
  readonly seed: number;
  /** Which shard to read, `0 … numShards - 1`. Always 0 unless the dataset declares `numShards`. */
  readonly shard: number;
  readonly numShards: number;
  /** Which worker reads it, or `null` on the main thread. Results must not depend on it. */
  readonly worker: number | null;
  /** What the stream's `stateDict` gave in an earlier run: go on behind it. Absent at the start of a shard. */
  readonly state?: JsonObject | undefined;
}

/** A stream of samples that can be gone on with in another process: what `iterate` may give. */
export interface StatefulStream {
  /**
   * Where the stream stands, behind the sample that it gave last, as plain JSON. Without it a resumed loader reads the shard from
   * its start.
   */
  stateDict(): JsonObject;
}

/** A map-style dataset: samples by index. */
export interface Dataset<T> {
  /** Number of samples; indices are `0 … length - 1`. */
  readonly length: number;
  /** Makes sample `index`. May be called for any index in any order, from several threads at once. */
  get(index: number, context: SampleContext): T | Promise<T>;
  /**
   * Makes a whole collated batch, straight into the memory that `context.allocate` gives. Used instead of `get` and
   * collate when the loader has no transform and no collate of its own.
   */
  readonly getBatch?: OptionalMethod<(indices: IndexArray, context: BatchContext) => unknown>;
  /**
   * For a dataset made from others: the indices at which something in them comes in an epoch, ascending; in the dataset's own
   * terms. `DataLoader.whenSeen` goes through it.
   */
  readonly indicesOf?: OptionalMethod<(origin: never, epoch: number) => Iterable<number>>;
  /**
   * Samples of each part that is read together, one behind the other: a file, a row group. `shuffle: 'shards'` goes through them part
   * by part.
   */
  readonly shardLengths?: readonly number[] | undefined;
  /** Whether an index means another sample in another epoch, so that nothing can be known of a sample by its index. */
  readonly variesByEpoch?: boolean | undefined;
  /**
   * Samples a global batch, where samples depend on which global batch they come in: a loader with another batch size, or with another
   * order than `0, 1, 2, …`, is refused.
   */
  readonly scheduledBatchSize?: number | undefined;
  /**
   * Told of samples of an epoch that will be asked for soon, so that far-away data can be fetched meanwhile. Must return at once. A
   * number that it gives is how many bytes it asks for that it had not asked for yet: the loader then tells it of what comes later, up
   * to its `prefetchBytes`. Anything else says that none of its samples comes from afar: where these need nothing, but others might,
   * the number is 0. There may be no indices; it says the same then.
   */
  readonly prefetch?: OptionalMethod<(indices: IndexArray, epoch: number) => unknown>;
  /**
   * Checks what reading samples does not: checksums over whole files of which samples are parts. Gives an error for each that does not
   * match. `millrace verify` asks for them.
   */
  readonly checksumErrors?: OptionalMethod<() => AsyncIterable<MillraceError>>;
  /** Identifies the content without reading it all; equal fingerprints mean equal samples. */
  readonly fingerprint?: OptionalMethod<() => string>;
  /** Frees files and memory. */
  readonly close?: OptionalMethod<() => void | Promise<void>>;
}

/** A dataset that can only be read from its start. */
export interface IterableDataset<T> {
  /**
   * Streams the samples of one shard in order. The stream must be the same each time for the same epoch, seed and
   * shard: workers that share a dataset without shards each read the whole stream and keep their own batches.
   */
  iterate(context: ShardContext): (AsyncIterable<T> | Iterable<T>) & Partial<StatefulStream>;
  /**
   * Number of parts that can be read independently. Workers then read different shards; batches are made inside a shard
   * and delivered round robin, so the order does not depend on the number of workers. @defaultValue 1
   */
  readonly numShards?: number | undefined;
  /**
   * Whether its streams have a `stateDict` and go on from it, so that resuming reads nothing again. A loader with
   * `elastic: true` needs it.
   */
  readonly seekable?: boolean | undefined;
  /** Number of samples of a pass, when it is known. */
  readonly length?: number | undefined;
  readonly fingerprint?: OptionalMethod<() => string>;
  readonly close?: OptionalMethod<() => void | Promise<void>>;
}

/** Whether `value` is a map-style dataset. */
export function isMapDataset(value: unknown): value is Dataset<unknown> {
  const candidate = value as Partial<Dataset<unknown>> | null | undefined;
  return typeof candidate?.get === 'function' && typeof candidate.length === 'number';
}

/** Whether `value` is an iterable dataset. */
export function isIterableDataset(value: unknown): value is IterableDataset<unknown> {
  return typeof (value as Partial<IterableDataset<unknown>> | null | undefined)?.iterate === 'function';
}

/** What a message calls a dataset: by its class, where it has one of its own. */
export interface DatasetTitle {
  /** In a sentence: `ArrayDataset`, `the dataset`. */
  readonly name: string;
  /** As a place of an error; empty without a class. */
  readonly where: { readonly dataset?: string };
}

/** The title of a dataset. */
export function datasetTitle(dataset: object): DatasetTitle {
  const { name } = dataset.constructor;
  return name === 'Object' ? { name: 'the dataset', where: {} } : { name, where: { dataset: name } };
}
