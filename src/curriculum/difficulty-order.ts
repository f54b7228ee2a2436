/** All samples of a dataset in ascending order of difficulty: what a curriculum admits samples from. */
export interface DifficultyOrder {
  /** Samples. */
  readonly length: number;
  /** The smallest difficulty, where difficulties are known. */
  readonly smallest: number | undefined;
  /** How many samples are of a difficulty up to this one: they are at places `0 … placesUpTo(d) - 1`. O(log n). */
  placesUpTo(difficulty: number): number;
  /** Replaces places by the samples that are there. */
  replaceBySamples(places: Int32Array | Float64Array): void;
  /** The place of a sample; `undefined` where it is not among them. O(1), after O(n) for the first. */
  placeOf(sample: number): number | undefined;
  /** Identifies the order. */
  fingerprint(): string;
}
