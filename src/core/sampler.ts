import type { IndexArray } from './dataset.js';
import { ConfigError } from './errors.js';
import type { JsonObject } from './json.js';
import type { OptionalMethod } from './optional-method.js';
import { propertyOf } from './property-of.js';
import type { Sighting, WhenSeenOptions } from './sighting.js';

/** A length, or anything that has one: what a sampler draws from. */
export type Sized = number | { readonly length: number };

/**
 * What an order supports. Declare them as literal types: a loader that requires one then does not compile with an order
 * that lacks it. Absent means unknown.
 */
export interface OrderCapabilities {
  /** Any position can be reached without computing the positions before it. */
  readonly seekable?: boolean | undefined;
  /** The global batches are the same for every world size. */
  readonly elastic?: boolean | undefined;
  /** The same options produce the same order. */
  readonly deterministic?: boolean | undefined;
}

/** Positions `start`, `start + step`, `start + 2 · step`, … of the order of all ranks. */
export interface Positions {
  readonly start: number;
  readonly step: number;
}

/** The order of one epoch: an iterable of sample indices. */
export interface Sampler extends Iterable<number>, OrderCapabilities {
  /** Indices per epoch. */
  readonly length: number;
  /** Indices per global batch, if the order depends on it. The loader refuses another batch size. */
  readonly batchSize?: number | undefined;
  /** The positions in the order of all ranks, if the sampler returns the share of one rank. @defaultValue all */
  readonly positions?: Positions | undefined;
  /** Ranks among which the sampler divides the samples itself. A loader that divides its batches among ranks refuses it. */
  readonly worldSize?: number | undefined;
  /** Whether every epoch is `0, 1, 2, …`. @defaultValue unknown */
  readonly isSequential?: boolean | undefined;
  /** Whether an epoch without batches is right, as in PyTorch. Otherwise a loader refuses it. @defaultValue false */
  readonly mayBeEmpty?: boolean | undefined;
  /** Selects the epoch of the next iteration. */
  readonly setEpoch?: OptionalMethod<(epoch: number) => void>;
  /** Makes the next iteration, and only that one, begin at `position`, as if the earlier indices had been drawn and dropped. */
  readonly seek?: OptionalMethod<(position: number) => void>;
  /** Identifies the order by kind, options and seed, without the epoch. */
  readonly fingerprint?: OptionalMethod<() => string>;
  /** Returns the state of a sampler whose order is drawn, not computed, as plain JSON. */
  readonly stateDict?: OptionalMethod<() => JsonObject>;
  readonly loadStateDict?: OptionalMethod<(state: JsonObject) => void>;
  /** Returns every occurrence of a sample. */
  readonly whenSeen?: OptionalMethod<(sample: number, options?: WhenSeenOptions) => Sighting[]>;
}

/** An order of whole global batches of indices. */
export interface BatchSampler extends Iterable<IndexArray>, OrderCapabilities {
  /** Batches per epoch; of the selected epoch, if epochs differ. */
  readonly length: number;
  /** Batches of an epoch, if epochs differ in length. @defaultValue `length` */
  readonly lengthOf?: OptionalMethod<(epoch: number) => number>;
  /** The first global step of an epoch, if epochs differ in length. @defaultValue the sum of the lengths before it */
  readonly startOf?: OptionalMethod<(epoch: number) => number>;
  /** The most parts into which every global batch but a short last one can be cut. A loader with more ranks times micro-batches refuses the sampler. */
  readonly maxParts?: number | undefined;
  /** Ranks among which the sampler divides the samples itself. A loader that divides its batches among ranks refuses it. */
  readonly worldSize?: number | undefined;
  readonly setEpoch?: OptionalMethod<(epoch: number) => void>;
  /** Makes the next iteration begin at batch `batch`. */
  readonly seek?: OptionalMethod<(batch: number) => void>;
  readonly fingerprint?: OptionalMethod<() => string>;
  readonly stateDict?: OptionalMethod<() => JsonObject>;
  readonly loadStateDict?: OptionalMethod<(state: JsonObject) => void>;
  /**
   * Returns the positions of a batch's samples in the epoch's order of all ranks. Called for the batch that the iteration
   * returned last. @defaultValue numbers that are unique within the epoch
   */
  readonly positionsOf?: OptionalMethod<(batch: number) => Positions>;
  /**
   * Returns the positions at which a global batch may be cut into micro-batches and ranks, ascending from 0 to its length.
   * Each part receives the same number of pieces. @defaultValue between any two samples
   */
  readonly cutPoints?: OptionalMethod<(batch: ArrayLike<number>) => readonly number[]>;
  /** Returns every occurrence of a sample. */
  readonly whenSeen?: OptionalMethod<
    (sample: number, options?: Omit<WhenSeenOptions, 'batchSize' | 'dropLast'>) => Sighting[]
  >;
}

/**
 * Returns the length of a {@link Sized}. Read it on each use: a dataset may grow.
 *
 * @throws {@link ConfigError} if it has no length, like a stream or a dataset named by its module.
 */
export function lengthOf(sized: Sized): number {
  const length = typeof sized === 'number' ? sized : propertyOf(sized, 'length');
  if (typeof length === 'number' && length >= 0 && Number.isInteger(length)) return length;
  const message = `must have a length, a whole number of 0 or more, not ${String(length)}`;
  throw new ConfigError('A sampler', [{ field: 'source', message }], {
    next: 'Of a dataset that is named by its module, pass the number of samples, or make the sampler from the dataset itself.',
  });
}
