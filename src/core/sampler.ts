import type { IndexArray } from './dataset.js';
import type { JsonObject } from './json.js';
import type { Slice } from './part-slice.js';
import type { Sighting, WhenSeenOptions } from './sighting.js';

/** What is sampled from: anything with a length, or the length itself. */
export type Sized = number | { readonly length: number };

/**
 * What can be done with an order. Declared as literal types, so that a loader that needs one of them does not compile with an
 * order that lacks it; absent means that nothing is known.
 */
export interface OrderCapabilities {
  /** Any position is reached without going through those before it. */
  readonly seekable?: boolean;
  /** The global batches are the same whatever the world size. */
  readonly elastic?: boolean;
  /** The same options give the same order. */
  readonly deterministic?: boolean;
}

/** Positions `start`, `start + step`, `start + 2 · step`, … of the order of all ranks. */
export interface Positions {
  readonly start: number;
  readonly step: number;
}

/** The order of one epoch: gives the indices of the samples, one by one. */
export interface Sampler extends Iterable<number>, OrderCapabilities {
  /** Indices an epoch gives. */
  readonly length: number;
  /** Indices a global batch, where the order depends on it: a loader with another batch size is refused. */
  readonly batchSize?: number;
  /** Which positions of the order of all ranks it gives, where it gives the share of one rank only. @defaultValue all */
  readonly positions?: Positions;
  /** Selects the epoch whose order the next iteration gives. */
  setEpoch?(epoch: number): void;
  /** Makes the next iteration, and only that one, begin at `position`, as if the indices before it had been drawn and dropped. */
  seek?(position: number): void;
  /** Identifies the order: its kind, options and seed, without the epoch. */
  fingerprint?(): string;
  /** State of a sampler whose order is drawn, not computed. Plain JSON. */
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
  /** Every time that a sample is seen. */
  whenSeen?(sample: number, options?: WhenSeenOptions): Sighting[];
}

/** Gives whole batches of indices. */
export interface BatchSampler extends Iterable<IndexArray>, OrderCapabilities {
  /** Batches an epoch gives. */
  readonly length: number;
  setEpoch?(epoch: number): void;
  /** Makes the next iteration begin at batch `batch`. */
  seek?(batch: number): void;
  fingerprint?(): string;
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
  /**
   * Which positions of the epoch's order of all ranks the samples of a batch have. Called for the batch that the iteration gave
   * last. @defaultValue numbers that differ within the epoch
   */
  positionsOf?(batch: number): Positions;
  /**
   * The part of a batch that a rank or micro-batch gets, where it does not go by the number of samples. Parts are contiguous and together are
   * the whole.
   */
  partSlice?(batch: ArrayLike<number>, part: number, parts: number): Slice;
  /** Every time that a sample is seen. */
  whenSeen?(sample: number, options?: Omit<WhenSeenOptions, 'batchSize' | 'dropLast'>): Sighting[];
}

/** The number behind a {@link Sized}. Read it when it is needed: a dataset may grow. */
export function lengthOf(sized: Sized): number {
  return typeof sized === 'number' ? sized : sized.length;
}
