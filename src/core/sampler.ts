import type { IndexArray } from './dataset.js';
import type { JsonObject } from './json.js';

/** What is sampled from: anything with a length, or the length itself. */
export type Sized = number | { readonly length: number };

/** The order of one epoch: gives the indices of the samples, one by one. */
export interface Sampler extends Iterable<number> {
  /** Indices an epoch gives. */
  readonly length: number;
  /** Selects the epoch whose order the next iteration gives. */
  setEpoch?(epoch: number): void;
  /** Makes the next iteration, and only that one, begin at `position`, as if the indices before it had been drawn and dropped. */
  seek?(position: number): void;
  /** Identifies the order: its kind, options and seed, without the epoch. */
  fingerprint?(): string;
  /** State of a sampler whose order is drawn, not computed. Plain JSON. */
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
}

/** Gives whole batches of indices. */
export interface BatchSampler extends Iterable<IndexArray> {
  /** Batches an epoch gives. */
  readonly length: number;
  setEpoch?(epoch: number): void;
  /** Makes the next iteration begin at batch `batch`. */
  seek?(batch: number): void;
  fingerprint?(): string;
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
}

/** The number behind a {@link Sized}. Read it when it is needed: a dataset may grow. */
export function lengthOf(sized: Sized): number {
  return typeof sized === 'number' ? sized : sized.length;
}
