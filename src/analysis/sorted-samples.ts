/** Samples grouped by value: values ascend, and the ids of one value stand in the order in which they came. */
export interface SortedSamples {
  /** Shape `[K]`: the distinct values. */
  readonly values: Float64Array;
  /** Shape `[K]`: samples of each value. */
  readonly counts: Int32Array;
  /** Shape `[N]`: ids of all samples, value by value. */
  readonly ids: Float64Array;
}

/**
 * Groups samples by value with a counting sort.
 *
 * @param values - Shape `[N]`.
 * @param ids - Shape `[N]`. @defaultValue 0 … N − 1
 * @remarks O(N + K log K) time for K distinct values, 12 bytes a sample.
 */
export function sortSamples(values: Float64Array, ids?: Float64Array): SortedSamples {
  const distinct = distinctValues(values);
  const places = new Map(Array.from(distinct, (value, place) => [value, place] as const));
  const counts = new Int32Array(distinct.length);
  const placeOf = Int32Array.from(values, (value) => places.get(value)!);
  for (const place of placeOf) counts[place]! += 1;

  const next = new Float64Array(distinct.length);
  for (let place = 1; place < next.length; place++) next[place] = next[place - 1]! + counts[place - 1]!;
  const sorted = new Float64Array(values.length);
  for (let i = 0; i < placeOf.length; i++) sorted[next[placeOf[i]!]!++] = ids ? ids[i]! : i;
  return { values: distinct, counts, ids: sorted };
}

function distinctValues(values: Float64Array): Float64Array {
  return Float64Array.from(new Set(values)).sort();
}
