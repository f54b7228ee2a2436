import type { IndexArray } from './dataset.js';
import { ConfigError } from './errors.js';
import type { JsonObject } from './json.js';
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

/** The order of one epoch: gives the indices of the samples, one by one. */
export interface Sampler extends Iterable<number>, OrderCapabilities {
  /** Indices an epoch gives. */
  readonly length: number;
  /** Indices a global batch, where the order depends on it: a loader with another batch size is refused. */
  readonly batchSize?: number;
  /** Ranks among which the sampler shares the samples itself: a loader that shares its batches out, too, refuses it. */
  readonly worldSize?: number;
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
  /** Parts into which every global batch but a short last one can be cut. A loader with more ranks and micro-batches refuses the sampler. */
  readonly maxParts?: number;
  /** Ranks among which the sampler shares the samples itself: a loader that shares its batches out, too, refuses it. */
  readonly worldSize?: number;
  setEpoch?(epoch: number): void;
  /** Makes the next iteration begin at batch `batch`. */
  seek?(batch: number): void;
  fingerprint?(): string;
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
  /**
   * Where a global batch may be cut into the parts of micro-batches and ranks, ascending from 0 to its length. Parts get equally many of the
   * pieces between. @defaultValue between any two samples
   */
  cutPoints?(batch: ArrayLike<number>): readonly number[];
  /** Every time that a sample is seen. */
  whenSeen?(sample: number, options?: Omit<WhenSeenOptions, 'batchSize' | 'dropLast'>): Sighting[];
}

/**
 * The number behind a {@link Sized}. Read it when it is needed: a dataset may grow.
 *
 * @throws {@link ConfigError} when it has no length, as a stream or a dataset that is named by its module
 */
export function lengthOf(sized: Sized): number {
  const length =
    typeof sized === 'number' ? sized : (sized as Partial<typeof sized> | null | undefined)?.length;
  if (typeof length === 'number' && length >= 0 && Number.isInteger(length)) return length;
  const message = `must have a length, a whole number of 0 or more, not ${String(length)}`;
  throw new ConfigError('A sampler', [{ field: 'source', message }], {
    next: 'Of a dataset that is named by its module, pass the number of samples, or make the sampler from the dataset itself.',
  });
}
