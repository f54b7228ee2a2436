import type { SampleContext } from '../../core/dataset.js';
import type { MaybePromise } from '../../core/maybe-promise.js';

/** Keeps samples that were made, for the epochs after. */
export interface SampleCache {
  /**
   * Returns the kept sample of an index, or makes and keeps it.
   *
   * @param make - Makes the sample, given a context without random numbers.
   * @throws {@link SampleCacheError} if the sample cannot be kept; what `make` throws.
   */
  sample(context: SampleContext, make: (context: SampleContext) => unknown): MaybePromise<unknown>;
}

/** Marks an error that no policy for failed samples handles: the option itself is wrong. */
export const neverSkipped: unique symbol = Symbol('never skipped');
