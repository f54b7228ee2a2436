/** Name of the method by which a dataset gives the samples that it holds. */
export const heldSamples: unique symbol = Symbol('millrace.heldSamples');

/** A dataset that may hold all its samples. */
export interface HoldsSamples {
  /** The samples by index, as `get` returns them; `undefined` if `get` does anything else than return them. */
  [heldSamples]?(): ArrayLike<unknown> | undefined;
}

/**
 * The samples of a batch from those that a dataset holds, without a call per sample. `undefined` if one of them is missing or a
 * promise: `get` deals with those.
 */
export function takeHeld(held: ArrayLike<unknown>, indices: ArrayLike<number>): unknown[] | undefined {
  const samples = new Array<unknown>(indices.length);
  for (let slot = 0; slot < samples.length; slot++) {
    const sample = held[indices[slot]!];
    if (sample === undefined || (typeof sample === 'object' && sample instanceof Promise)) return undefined;
    samples[slot] = sample;
  }
  return samples;
}
