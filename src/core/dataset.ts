import type { DType } from './dtype.js';
import type { MillraceError } from './errors.js';
import type { JsonObject } from './json.js';
import type { OptionalMethod } from './optional-method.js';
import { hasMethod, propertyOf } from './property-of.js';
import type { OriginContext, StatedOrigin } from './sample-origin.js';
import type { Tensor } from './tensor.js';

/** Sample indices in any indexable form: an array or a typed array of whole numbers. */
export type IndexArray = ArrayLike<number> & Iterable<number>;

/**
 * Random numbers for one draw of a sample, keyed by seed, epoch, position in the order and index. Every worker, rank
 * layout and retry draws the same numbers; a sample that occurs twice in an epoch draws different ones.
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

/** The context in which a dataset and a transform make one sample. */
export interface SampleContext {
  readonly index: number;
  readonly epoch: number;
  readonly seed: number;
  /** The worker that makes the sample, or `null` on the main thread. Results must not depend on it. */
  readonly worker: number | null;
  /** The global batch of the run that the sample is for, from 0; `undefined` for a sample that is read outside of a run. */
  readonly globalStep?: number | undefined;
  readonly rng: SampleRandom;
  /**
   * Returns the context of a part of the sample, with its own random numbers. Parts that are made concurrently each need
   * one: timing then cannot swap their draws. The same name returns the same random numbers.
   *
   * @param name - The part's name in the sample, or its ordinal.
   */
  part(name: string | number, part?: SamplePart): SampleContext;
}

/** How a part differs from its sample. */
export interface SamplePart {
  /** The index in the dataset that makes the part. @defaultValue the sample's index */
  readonly index?: number;
  /** The epoch of the dataset that makes the part. @defaultValue the sample's epoch */
  readonly epoch?: number;
  /**
   * Whether all samples of a pass share the part, as two rows share a split document. Its random numbers then depend on
   * the pass, not on the position. @defaultValue `false`
   */
  readonly shared?: boolean;
}

/** Allocates a tensor in the memory from which the batch will be read. */
export type Allocate = <D extends DType>(dtype: D, shape: readonly number[]) => Tensor<D>;

/** The context in which a dataset makes a whole batch. */
export interface BatchContext {
  readonly epoch: number;
  readonly seed: number;
  readonly worker: number | null;
  /** Contents are unspecified: write every element. */
  readonly allocate: Allocate;
  /**
   * Returns the context of one sample of the batch.
   *
   * @param slot - The position in the batch: `k` for `indices[k]`.
   * @throws {@link IndexRangeError} if the batch has no such position.
   */
  sample(slot: number): SampleContext;
}

/** The context in which a pass over an iterable dataset, or over one of its shards, begins. */
export interface ShardContext {
  readonly epoch: number;
  readonly seed: number;
  /** The shard to read, `0 … numShards - 1`. Always 0 unless the dataset declares `numShards`. */
  readonly shard: number;
  readonly numShards: number;
  /** The worker that reads the shard, or `null` on the main thread. Results must not depend on it. */
  readonly worker: number | null;
  /** The state that the stream's `stateDict` returned in an earlier run: continue after it. Absent at the start of a shard. */
  readonly state?: JsonObject | undefined;
}

/** A stream of samples that another process can continue. `iterate` may return one. */
export interface StatefulStream {
  /**
   * Returns the position after the last sample as plain JSON. Without it, a resumed loader reads the shard from its start.
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
   * Makes a whole collated batch, straight into memory from `context.allocate`. The loader calls it instead of `get` and
   * collate if it has neither a transform nor a collate function.
   */
  readonly getBatch?: OptionalMethod<(indices: IndexArray, context: BatchContext) => unknown>;
  /** The datasets that this one is made from. @defaultValue none */
  readonly madeFrom?: readonly Dataset<unknown>[] | undefined;
  /**
   * For a dataset made from other datasets: returns the indices at which a sample of theirs occurs in an epoch, ascending.
   * `DataLoader.whenSeen` uses it.
   */
  readonly indicesOf?: OptionalMethod<(origin: never, epoch: number) => Iterable<number>>;
  /**
   * For a dataset made from other datasets: returns where a sample comes from. A loader with `provenance: true` calls it.
   * @defaultValue source 0 with the dataset's own indices
   */
  readonly originAt?: OptionalMethod<(index: number, context: OriginContext) => StatedOrigin>;
  /** The number of sources that `originAt` tells apart. @defaultValue `1` */
  readonly sourceCount?: number | undefined;
  /**
   * Samples of each shard, a file or row group that is read as a whole, in order. `shuffle: 'shards'` reads shard by
   * shard.
   */
  readonly shardLengths?: readonly number[] | undefined;
  /**
   * Whether a sample costs the decoding of its shard, as in Parquet and Arrow files, so that an order over all shards decodes one for
   * nearly every sample.
   */
  readonly decodesShards?: boolean | undefined;
  /** Whether an index denotes a different sample in each epoch, so that an index alone does not identify a sample. */
  readonly variesByEpoch?: boolean | undefined;
  /**
   * Samples per global batch, if a sample depends on its global batch. The loader refuses another batch size, and any
   * order but `0, 1, 2, …`.
   */
  readonly scheduledBatchSize?: number | undefined;
  /**
   * Starts to fetch the samples that the loader will request soon. Must return immediately. A remote dataset returns the
   * number of bytes that it newly requested, 0 if these samples need none; the loader then announces later samples, up to
   * its `prefetchBytes`. A local dataset returns anything else. `indices` may be empty; the return value has the same
   * meaning then.
   */
  readonly prefetch?: OptionalMethod<(indices: IndexArray, epoch: number) => unknown>;
  /**
   * Verifies checksums of whole files, which reading single samples does not. Yields an error for each mismatch. `millrace
   * verify` calls it.
   */
  readonly checksumErrors?: OptionalMethod<() => AsyncIterable<MillraceError>>;
  /** Identifies the content without reading all of it. Equal fingerprints mean equal samples. */
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
   * Whether its streams have a `stateDict` and continue from it, so that resuming reads no sample again. A loader with
   * `elastic: true` requires it.
   */
  readonly seekable?: boolean | undefined;
  /** Number of samples in a pass, if known. */
  readonly length?: number | undefined;
  readonly fingerprint?: OptionalMethod<() => string>;
  readonly close?: OptionalMethod<() => void | Promise<void>>;
}

/** Whether `value` is a map-style dataset. */
export function isMapDataset(value: unknown): value is Dataset<unknown> {
  return hasMethod(value, 'get') && typeof propertyOf(value, 'length') === 'number';
}

/** Whether `value` is an iterable dataset. */
export function isIterableDataset(value: unknown): value is IterableDataset<unknown> {
  return hasMethod(value, 'iterate');
}

/** How a message names a dataset: by its class, if it has one. */
export interface DatasetTitle {
  /** In a sentence: `ArrayDataset`, `the dataset`. */
  readonly name: string;
  /** As the location of an error; empty without a class. */
  readonly where: { readonly dataset?: string };
}

/** The title of a dataset. */
export function datasetTitle(dataset: object): DatasetTitle {
  const { name } = dataset.constructor;
  return name === 'Object' ? { name: 'the dataset', where: {} } : { name, where: { dataset: name } };
}
