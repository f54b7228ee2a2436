import * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { IndexPermutation, orderKey, TorchGenerator } from '../random/index.js';
import { checkMapDataset } from './check-map-dataset.js';
import { stratifiedCounts } from './stratified-counts.js';
import { Subset } from './subset.js';

export interface RandomSplitOptions {
  /** Fixes the split. Excludes `generator`. @defaultValue `0` */
  readonly seed?: number;
  /** Splits exactly as `torch.utils.data.random_split` does with this generator, whose state advances. */
  readonly generator?: TorchGenerator;
  /**
   * The class of each sample: every part then has its share of each class, rounded up or down. A label is a number or text; `dataset.label(k)`
   * of an `ImageFolder` is one. @defaultValue none: classes do not matter
   */
  readonly stratify?: ArrayLike<number | string>;
}

const schema = v.strictObject({
  seed: v.optional(integerFrom(0)),
  generator: v.optional(v.instance(TorchGenerator, 'must be a TorchGenerator')),
  stratify: v.optional(
    v.custom<ArrayLike<number | string>>(
      (labels) => Array.isArray(labels) || (ArrayBuffer.isView(labels) && 'length' in labels),
      'must be a list of labels',
    ),
  ),
});

/**
 * Splits a dataset at random into parts that share no sample.
 *
 * @param lengths - Counts that add up to the dataset's length, or fractions that add up to 1 (within 1e-9): each part
 * receives the floor of its share, and the first parts one more each until none remain. Rounding errors of a fraction are
 * corrected: 0.29 of 100 samples is 29. PyTorch's split, with `generator`, takes 28.
 * @returns one part for each length: a tuple if `lengths` is written as a list.
 * @throws {@link ConfigError} if they are neither, or if the dataset's length is not known in this thread.
 * @remarks O(n) time and 8 bytes per sample. Parts with `stratify` list their samples in random order too.
 */
export function randomSplit<T, const L extends readonly number[] = readonly number[]>(
  dataset: Dataset<T>,
  lengths: L,
  options: RandomSplitOptions = {},
): { -readonly [K in keyof L]: Subset<T> } {
  const parts = split(dataset, lengths, options);
  return parts as { -readonly [K in keyof L]: Subset<T> };
}

function split<T>(dataset: Dataset<T>, lengths: readonly number[], options: RandomSplitOptions): Subset<T>[] {
  const { seed, generator, stratify } = parseOptions('randomSplit options', schema, options);
  if (seed !== undefined && generator) {
    throw new ConfigError('randomSplit options', [
      { field: 'seed', message: 'has no effect together with generator' },
    ]);
  }
  checkMapDataset('randomSplit', dataset);
  const counts = splitCounts(dataset.length, lengths, generator !== undefined);
  const order = generator ? generator.randperm(dataset.length) : nativeOrder(dataset.length, seed ?? 0);
  if (stratify) return dealByClass(order, stratify, counts).map((part) => new Subset(dataset, part));
  const starts = runningStarts(counts);
  return counts.map((count, k) => new Subset(dataset, order.subarray(starts[k]!, starts[k]! + count)));
}

/** Deals samples to parts in their order, the first of each class to the first part. */
function dealByClass(
  order: ArrayLike<number>,
  labels: ArrayLike<number | string>,
  counts: readonly number[],
): Float64Array[] {
  if (labels.length !== order.length) {
    throw new ConfigError('randomSplit options', [
      { field: 'stratify', message: `has ${labels.length} labels, and there are ${order.length} samples` },
    ]);
  }
  const places = new Map<number | string, number>();
  const sizes: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    const place = places.get(labels[i]!) ?? places.size;
    places.set(labels[i]!, place);
    sizes[place] = (sizes[place] ?? 0) + 1;
  }
  const left = stratifiedCounts(sizes, counts);
  const parts = counts.map((count) => new Float64Array(count));
  const filled = counts.map(() => 0);
  for (let i = 0; i < order.length; i++) {
    const ofClass = left[places.get(labels[order[i]!]!)!]!;
    const part = ofClass.findIndex((count) => count > 0);
    ofClass[part]! -= 1;
    parts[part]![filled[part]!++] = order[i]!;
  }
  return parts;
}

function nativeOrder(length: number, seed: number): Float64Array {
  const order = new Float64Array(length);
  if (length > 0) new IndexPermutation(length, orderKey(seed, 0, 'randomSplit')).fill(order, 0);
  return order;
}

/** The start of each part when parts are concatenated. */
function runningStarts(counts: readonly number[]): number[] {
  const starts: number[] = [];
  let start = 0;
  for (const count of counts) {
    starts.push(start);
    start += count;
  }
  return starts;
}

function splitCounts(length: number, lengths: readonly number[], asTorch: boolean): number[] {
  const sum = lengths.reduce((total, part) => total + part, 0);
  if (sum === length && lengths.every((part) => Number.isInteger(part) && part >= 0)) return [...lengths];
  if (Math.abs(sum - 1) > 1e-9 || lengths.some((part) => !(part >= 0 && part <= 1))) {
    throw new ConfigError('randomSplit', [
      { field: 'lengths', message: `[${lengths}] add up to neither the ${length} samples nor to 1` },
    ]);
  }
  const counts = lengths.map((fraction) => wholeShare(length * fraction, asTorch));
  const left = length - counts.reduce((total, count) => total + count, 0);
  for (let i = 0; i < left; i++) counts[i % counts.length]! += 1;
  return counts;
}

/** Whole samples of a share. Floating-point products need correction: 0.29 · 100 is 28.999999999999996. */
function wholeShare(share: number, asTorch: boolean): number {
  const nearest = Math.round(share);
  const isWhole = Math.abs(share - nearest) <= Math.max(1, nearest) * 4 * Number.EPSILON;
  return isWhole && !asTorch ? nearest : Math.floor(share);
}
