import { ConfigError } from '../core/errors.js';
import { countUp } from './draw-size.js';
import { lemire32, lemire64 } from './numpy-bounded.js';
import type { Pcg64 } from './pcg64.js';

type Indices = Int32Array | Float64Array;

/** A request for `count` indices below `population`. */
export interface ChoiceRequest {
  readonly population: number;
  readonly count: number;
  readonly shuffle: boolean;
}

/** With replacement, uniform. */
export function chooseUniform(engine: Pcg64, { population, count }: ChoiceRequest): Indices {
  const indices = population <= 2 ** 31 ? new Int32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) indices[i] = upTo(engine, population - 1);
  return indices;
}

/** With replacement, by weight. */
export function chooseWeighted(
  engine: Pcg64,
  { count }: ChoiceRequest,
  weights: ArrayLike<number>,
): Int32Array {
  const cumulative = cumulativeShares(Float64Array.from(weights));
  const indices = new Int32Array(count);
  for (let i = 0; i < count; i++) indices[i] = countAtMost(cumulative, engine.float64());
  return indices;
}

/** Without replacement, uniform: a tail shuffle for a large part of a large population, else Floyd's algorithm. */
export function chooseDistinct(engine: Pcg64, request: ChoiceRequest): Indices {
  const { population, count, shuffle } = request;
  const partOfAll = population > 10_000 && count > Math.floor(population / (shuffle ? 50 : 20));
  return partOfAll ? shuffleTail(engine, request) : sampleFloyd(engine, request);
}

/** Without replacement, by weight: draws with replacement, keeps first occurrences, and repeats for the remainder. */
export function chooseDistinctWeighted(
  engine: Pcg64,
  { count }: ChoiceRequest,
  weights: ArrayLike<number>,
): Int32Array {
  const left = Float64Array.from(weights);
  const chosen = new Set<number>();
  while (chosen.size < count) {
    for (const index of chosen) left[index] = 0;
    const cumulative = cumulativeShares(left);
    const draws = Float64Array.from({ length: count - chosen.size }, () => engine.float64());
    for (const draw of draws) chosen.add(countAtMost(cumulative, draw));
  }
  return Int32Array.from(chosen);
}

/** Checks weights as numpy does. @throws {@link ConfigError} naming `p` */
export function checkShares(
  weights: ArrayLike<number>,
  { population, count }: ChoiceRequest,
  replace: boolean,
): void {
  const problem = (message: string) => new ConfigError('NumpyGenerator.choice', [{ field: 'p', message }]);
  if (weights.length !== population) throw problem(`must have ${population} entries, not ${weights.length}`);
  const shares = Array.from(weights);
  if (!shares.every((share) => share >= 0 && Number.isFinite(share)))
    throw problem('must be 0 or more and finite');
  // The square root of the machine epsilon.
  const tolerance = weights instanceof Float32Array ? 2 ** -11.5 : 2 ** -26;
  if (Math.abs(compensatedSum(shares) - 1) > tolerance) throw problem('must add up to 1');
  if (!replace && shares.filter((share) => share > 0).length < count) {
    throw problem(`has fewer entries above 0 than the ${count} to choose`);
  }
}

function shuffleTail(engine: Pcg64, { population, count }: ChoiceRequest): Indices {
  const all = countUp(population);
  shuffleDownTo(engine, all, Math.max(population - count, 1));
  return all.slice(population - count);
}

function sampleFloyd(engine: Pcg64, { population, count, shuffle }: ChoiceRequest): Indices {
  const chosen = new Set<number>();
  for (let last = population - count; last < population; last++) {
    const draw = upTo(engine, last);
    chosen.add(chosen.has(draw) ? last : draw);
  }
  const indices = population <= 2 ** 31 ? Int32Array.from(chosen) : Float64Array.from(chosen);
  if (shuffle) shuffleDownTo(engine, indices, 1);
  return indices;
}

function shuffleDownTo(engine: Pcg64, indices: Indices, first: number): void {
  for (let i = indices.length - 1; i >= first; i--) {
    const j = upTo(engine, i);
    const kept = indices[i]!;
    indices[i] = indices[j]!;
    indices[j] = kept;
  }
}

function upTo(engine: Pcg64, max: number): number {
  return max <= 0xffffffff ? lemire32(engine, max) : Number(lemire64(engine, BigInt(max)));
}

/** The running sum, divided by its last entry. */
function cumulativeShares(shares: Float64Array): Float64Array {
  let sum = 0;
  const cumulative = shares.map((share) => (sum += share));
  return cumulative.map((part) => part / sum);
}

/** Number of entries that are at most `value`; entries ascend. */
function countAtMost(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Kahan summation. */
function compensatedSum(values: readonly number[]): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const corrected = value - lost;
    const next = sum + corrected;
    lost = next - sum - corrected;
    sum = next;
  }
  return sum;
}
