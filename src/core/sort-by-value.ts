import { firstAbove } from './first-above.js';

/** Sample ids: doubles if 32 bits might not hold them. */
export type IdArray = Uint32Array | Float64Array;

/** Samples grouped by difficulty. */
export interface SamplesByValue {
  /** Shape `[K]`: the distinct values, ascending. */
  readonly distinct: Float64Array;
  /** Shape `[K]`: number of samples with each value. */
  readonly counts: Float64Array;
  /** Shape `[n]`: the ids of the first value, then of the second, and so on; ids of one value keep their order. */
  readonly ids: IdArray;
}

/** A table of this size is cheap for any number of samples. */
const smallTable = 1 << 16;
const digitBits = 16;
const digitCount = 1 << digitBits;

/**
 * Groups samples by an integer value; samples of one value keep their order.
 *
 * @param values - Shape `[n]`, integers up to 2^53 in magnitude.
 * @param ids - Shape `[n]`.
 * @remarks O(n): a counting sort if the range of values is small, a radix sort otherwise.
 */
export function sortByValue(values: Float64Array, ids: IdArray): SamplesByValue {
  if (values.length === 0) return { distinct: new Float64Array(), counts: new Float64Array(), ids };
  const { min, max } = extremes(values);
  return max - min < Math.max(smallTable, 4 * values.length)
    ? countingSort(values, ids, min, max - min + 1)
    : grouped(radixSort(values, ids, min, max));
}

/**
 * {@link sortByValue} for any finite numbers.
 *
 * @remarks O(n log n) unless all of them are integers.
 */
export function sortByNumber(values: Float64Array, ids: IdArray): SamplesByValue {
  if (areWhole(values)) return sortByValue(values, ids);
  const sorted = values.toSorted();
  const distinct = sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
  const ranks = values.map((value) => firstAbove(distinct, value) - 1);
  return { ...sortByValue(ranks, ids), distinct };
}

/** A loop: `every` calls a function for each value. */
function areWhole(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isSafeInteger(values[i])) return false;
  return true;
}

/** Minimum and maximum of at least one value. */
export function extremes(values: Float64Array): { readonly min: number; readonly max: number } {
  let min = values[0]!;
  let max = min;
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

function countingSort(values: Float64Array, ids: IdArray, min: number, width: number): SamplesByValue {
  const table = new Float64Array(width);
  for (let i = 0; i < values.length; i++) table[values[i]! - min]!++;
  const distinct = new Float64Array(table.reduce((count, samples) => count + (samples > 0 ? 1 : 0), 0));
  const counts = new Float64Array(distinct.length);
  for (let offset = 0, row = 0, start = 0; offset < width; offset++) {
    const samples = table[offset]!;
    if (samples === 0) continue;
    distinct[row] = offset + min;
    counts[row++] = samples;
    // From here on, the table holds the position of the next sample of each value.
    table[offset] = start;
    start += samples;
  }
  const sorted = emptyLike(ids);
  for (let i = 0; i < values.length; i++) sorted[table[values[i]! - min]!++] = ids[i]!;
  return { distinct, counts, ids: sorted };
}

interface Pairs {
  readonly values: Float64Array;
  readonly ids: IdArray;
}

/** Least significant digit first, 16 bits at a time. */
function radixSort(values: Float64Array, ids: IdArray, min: number, max: number): Pairs {
  let from: Pairs = { values, ids };
  let to: Pairs = { values: new Float64Array(values.length), ids: emptyLike(ids) };
  let spare: Pairs = { values: new Float64Array(values.length), ids: emptyLike(ids) };
  for (let unit = 1; unit <= max - min; unit *= digitCount) {
    scatter(from, to, min, unit);
    const free = from.values === values ? spare : from;
    from = to;
    to = free;
    spare = free;
  }
  return from;
}

function scatter(from: Pairs, to: Pairs, min: number, unit: number): void {
  const { values, ids } = from;
  const places = new Float64Array(digitCount + 1);
  for (let i = 0; i < values.length; i++) places[(Math.floor((values[i]! - min) / unit) % digitCount) + 1]!++;
  for (let digit = 0; digit < digitCount; digit++) places[digit + 1]! += places[digit]!;
  for (let i = 0; i < values.length; i++) {
    const place = places[Math.floor((values[i]! - min) / unit) % digitCount]!++;
    to.values[place] = values[i]!;
    to.ids[place] = ids[i]!;
  }
}

function grouped({ values, ids }: Pairs): SamplesByValue {
  let rows = 1;
  for (let i = 1; i < values.length; i++) if (values[i] !== values[i - 1]) rows++;
  const distinct = new Float64Array(rows);
  const counts = new Float64Array(rows);
  for (let i = 0, row = -1; i < values.length; i++) {
    if (i === 0 || values[i] !== values[i - 1]) distinct[++row] = values[i]!;
    counts[row]!++;
  }
  return { distinct, counts, ids };
}

/**
 * The position of each id of `0 … length - 1`; `length` for an absent id. O(n).
 *
 * @param length - The range of ids. @defaultValue the number of ids
 */
export function invertIds(ids: ArrayLike<number>, length = ids.length): IdArray {
  const places = (length < 2 ** 32 ? new Uint32Array(length) : new Float64Array(length)).fill(length);
  for (let place = 0; place < ids.length; place++) places[ids[place]!] = place;
  return places;
}

/** The end of each group when groups are concatenated. */
export function groupEnds(sizes: ArrayLike<number>): Float64Array {
  const ends = new Float64Array(sizes.length);
  for (let group = 0, end = 0; group < sizes.length; group++) {
    end += sizes[group]!;
    ends[group] = end;
  }
  return ends;
}

/** The ids `0 … count - 1`. */
export function firstIds(count: number): IdArray {
  const ids = count < 2 ** 32 ? new Uint32Array(count) : new Float64Array(count);
  for (let id = 0; id < count; id++) ids[id] = id;
  return ids;
}

function emptyLike(ids: IdArray): IdArray {
  return ids instanceof Uint32Array ? new Uint32Array(ids.length) : new Float64Array(ids.length);
}
