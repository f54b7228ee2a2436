/** All samples of a dataset in ascending order of difficulty, from which a curriculum admits samples. */
export interface DifficultyOrder {
  /** Number of samples. */
  readonly length: number;
  /** The smallest difficulty, if difficulties are known. */
  readonly smallest: number | undefined;
  /** Number of samples up to this difficulty; they are at positions `0 … placesUpTo(d) - 1`. O(log n). */
  placesUpTo(difficulty: number): number;
  /** Replaces positions by the samples at these positions. */
  replaceBySamples(places: Int32Array | Float64Array): void;
  /** Returns the position of a sample; `undefined` if it is not in the order. O(1), after O(n) for the first call. */
  placeOf(sample: number): number | undefined;
  /** Identifies the order. */
  fingerprint(): string;
}
