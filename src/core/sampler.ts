import type { IndexArray } from './dataset.js';
import { ConfigError } from './errors.js';
import type { JsonObject } from './json.js';
import type { OptionalMethod } from './optional-method.js';
import type { Sighting, WhenSeenOptions } from './sighting.js';

/** What is sampled from: anything with a length, or the length itself. */
export type Sized = number | { readonly length: number };

/**
 * What can be done with an order. Declared as literal types, so that a loader that needs one of them does not compile with an
 * order that lacks it; absent means that nothing is known.
 */
export interface OrderCapabilities {
  /** Any position is reached without going through those before it. */
  readonly seekable?: boolean | undefined;
  /** The global batches are the same whatever the world size. */
  readonly elastic?: boolean | undefined;
  /** The same options give the same order. */
  readonly deterministic?: boolean | undefined;
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
  readonly batchSize?: number | undefined;
  /** Which positions of the order of all ranks it gives, where it gives the share of one rank only. @defaultValue all */
  readonly positions?: Positions | undefined;
  /** Ranks among which the sampler shares the samples itself: a loader that shares its batches out, too, refuses it. */
  readonly worldSize?: number | undefined;
  /** Whether an epoch without batches is right, as in PyTorch. Otherwise a loader refuses it. @defaultValue false */
  readonly mayBeEmpty?: boolean | undefined;
  /** Selects the epoch whose order the next iteration gives. */
  readonly setEpoch?: OptionalMethod<(epoch: number) => void>;
  /** Makes the next iteration, and only that one, begin at `position`, as if the indices before it had been drawn and dropped. */
  readonly seek?: OptionalMethod<(position: number) => void>;
  /** Identifies the order: its kind, options and seed, without the epoch. */
  readonly fingerprint?: OptionalMethod<() => string>;
  /** State of a sampler whose order is drawn, not computed. Plain JSON. */
  readonly stateDict?: OptionalMethod<() => JsonObject>;
  readonly loadStateDict?: OptionalMethod<(state: JsonObject) => void>;
  /** Every time that a sample is seen. */
  readonly whenSeen?: OptionalMethod<(sample: number, options?: WhenSeenOptions) => Sighting[]>;
}

/** Gives whole batches of indices. */
export interface BatchSampler extends Iterable<IndexArray>, OrderCapabilities {
  /** Batches an epoch gives. */
  readonly length: number;
  /** Parts into which every global batch but a short last one can be cut. A loader with more ranks and micro-batches refuses the sampler. */
  readonly maxParts?: number | undefined;
  /** Ranks among which the sampler shares the samples itself: a loader that shares its batches out, too, refuses it. */
  readonly worldSize?: number | undefined;
  readonly setEpoch?: OptionalMethod<(epoch: number) => void>;
  /** Makes the next iteration begin at batch `batch`. */
  readonly seek?: OptionalMethod<(batch: number) => void>;
  readonly fingerprint?: OptionalMethod<() => string>;
  readonly stateDict?: OptionalMethod<() => JsonObject>;
  readonly loadStateDict?: OptionalMethod<(state: JsonObject) => void>;
  /**
   * Which positions of the epoch's order of all ranks the samples of a batch have. Called for the batch that the iteration gave
   * last. @defaultValue numbers that differ within the epoch
   */
  readonly positionsOf?: OptionalMethod<(batch: number) => Positions>;
  /**
   * Where a global batch may be cut into the parts of micro-batches and ranks, ascending from 0 to its length. Parts get equally many of the
   * pieces between. @defaultValue between any two samples
   */
  readonly cutPoints?: OptionalMethod<(batch: ArrayLike<number>) => readonly number[]>;
  /** Every time that a sample is seen. */
  readonly whenSeen?: OptionalMethod<
    (sample: number, options?: Omit<WhenSeenOptions, 'batchSize' | 'dropLast'>) => Sighting[]
  >;
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
