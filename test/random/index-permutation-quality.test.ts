// How closely a computed order resembles a shuffle: statistics of both, each in standard deviations from its
// expectation.
import { IndexPermutation, NumpyGenerator, orderKey } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { chiSquare } from './chi-square.js';

type Values = ArrayLike<number>;

/** By chance, one test run in 10,000 exceeds this in any of the statistics below. */
const limit = 4.5;
const keys = searchSize({ short: 4, long: 12 });

/** Deviations of the statistics of orders `0 … keys - 1`, i.e. of successive epochs, or seeds. */
function deviations(orders: readonly Values[], n: number): Record<string, number> {
  const all: Record<string, number[]> = {};
  const note = (name: string, deviation: number): void => {
    all[name] = [...(all[name] ?? []), deviation];
  };
  for (const [k, order] of orders.entries()) {
    for (const lag of [1, 2, 3, 32, 512]) {
      note(`correlation at distance ${lag}`, correlation(order, shifted(order, lag)));
      note(
        `high parts at distance ${lag}`,
        grid(order, shifted(order, lag), (value) => Math.floor((value * 16) / n)),
      );
    }
    note(
      'low bits of neighbors',
      grid(order, shifted(order, 1), (value) => value % 16),
    );
    note('ascents', ascents(order));
    note('parts of batches of 512', unevenBatches(order, n));
    const next = orders[k + 1];
    if (next) {
      note('correlation of orders', correlation(order, next));
      note(
        'high parts of orders',
        grid(order, next, (value) => Math.floor((value * 16) / n)),
      );
      note(
        'low bits of orders',
        grid(order, next, (value) => value % 16),
      );
      note(
        'distances of orders',
        grid(differences(order, next, n), shifted(order, 1), (value) => Math.floor((value * 16) / n)),
      );
    }
    if (order.length === n) note('cycles', cycles(order));
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, values]) => [
      name,
      values.reduce((sum, value) => sum + value, 0) / Math.sqrt(values.length),
    ]),
  );
}

function shifted(values: Values, lag: number): Values {
  return Float64Array.from({ length: values.length - lag }, (_, i) => values[i + lag]!);
}

function differences(a: Values, b: Values, n: number): Values {
  return Float64Array.from({ length: a.length - 1 }, (_, i) => (a[i]! - b[i]! + n) % n);
}

/** Pearson's correlation; for a shuffle its variance is 1 / length. */
function correlation(a: Values, b: Values): number {
  const length = Math.min(a.length, b.length);
  let [meanA, meanB] = [0, 0];
  for (let i = 0; i < length; i++) {
    meanA += a[i]! / length;
    meanB += b[i]! / length;
  }
  let [both, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    both += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return (both / Math.sqrt(squareA * squareB) + 1 / length) * Math.sqrt(length);
}

/** Chi-square of a 16 × 16 table of pairs. */
function grid(a: Values, b: Values, part: (value: number) => number): number {
  const length = Math.min(a.length, b.length);
  const [rows, columns] = [new Float64Array(16), new Float64Array(16)];
  const table = new Float64Array(256);
  for (let i = 0; i < length; i++) {
    const [row, column] = [part(a[i]!), part(b[i]!)];
    rows[row]! += 1;
    columns[column]! += 1;
    table[16 * row + column]! += 1;
  }
  const shares = Array.from(table, (_, at) => rows[at >> 4]! * columns[at & 15]!);
  return normal(chiSquare([...table], shares), 225);
}

/** Wilson and Hilferty: converts a chi-square statistic to standard deviations. */
function normal(statistic: number, degreesOfFreedom: number): number {
  const variance = 2 / (9 * degreesOfFreedom);
  return (Math.cbrt(statistic / degreesOfFreedom) - (1 - variance)) / Math.sqrt(variance);
}

function ascents(order: Values): number {
  let count = 0;
  for (let i = 1; i < order.length; i++) if (order[i]! > order[i - 1]!) count += 1;
  return (count - (order.length - 1) / 2) / Math.sqrt((order.length + 1) / 12);
}

/** How evenly batches draw from 16 parts of the dataset, compared with chance. */
function unevenBatches(order: Values, n: number): number {
  const batches = Math.floor(order.length / 512);
  let sum = 0;
  for (let batch = 0; batch < batches; batch++) {
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 512; i++) counts[Math.floor((order[batch * 512 + i]! * 16) / n)]! += 1;
    sum += chiSquare(counts);
  }
  // Without replacement, the expectation is (n - 512) / (n - 1) of that of independent draws.
  const expected = 15 * batches * ((n - 512) / (n - 1));
  return (sum - expected) / Math.sqrt(30 * batches);
}

/** A shuffle has H(n) cycles on average. */
function cycles(order: Values): number {
  const seen = new Uint8Array(order.length);
  let count = 0;
  for (let start = 0; start < order.length; start++) {
    if (seen[start]) continue;
    count += 1;
    for (let at = start; !seen[at]; at = order[at]!) seen[at] = 1;
  }
  const harmonic = Math.log(order.length) + 0.5772156649;
  return (count - harmonic) / Math.sqrt(harmonic - Math.PI ** 2 / 6);
}

function expectPlausible(found: Record<string, number>): void {
  const outside = Object.entries(found).filter(([, deviation]) => !(Math.abs(deviation) < limit));
  expect(outside).toEqual([]);
}

const length = 100_003;

describe('orders of 100,003 elements resemble shuffles: over positions, neighbors, epochs and seeds', () => {
  it.each<[string, (key: number) => Values]>([
    ['a shuffle', (key) => new NumpyGenerator(1000 + key).permutation(length) as unknown as Values],
    ['epochs', (epoch) => new IndexPermutation(length, orderKey(7, epoch)).fill(new Int32Array(length))],
    ['seeds', (seed) => new IndexPermutation(length, orderKey(seed, 0)).fill(new Int32Array(length))],
    ['consecutive integer keys', (key) => new IndexPermutation(length, key).fill(new Int32Array(length))],
  ])('%s', (_, make) => {
    const orders = Array.from({ length: keys }, (_, key) => Array.from(make(key), Number));
    expectPlausible(deviations(orders, length));
  });
});

describe('a range of an order of any length resembles one of a shuffle', () => {
  it.each([2 ** 20, 2 ** 31 - 1, 2 ** 32 + 15, 2 ** 53])('of %d elements', (n) => {
    const orders = Array.from({ length: keys }, (_, epoch) =>
      new IndexPermutation(n, orderKey(3, epoch)).fill(new Float64Array(2 ** 17), Math.floor(n / 3)),
    );
    expectPlausible(deviations(orders, n));
  });
});

describe('the statistics', () => {
  it.each<[string, (i: number, key: number) => number]>([
    ['the order itself', (i) => i],
    ['a stride', (i, key) => (i * 31_337 + key * 17) % length],
    ['one shuffle for all keys, rotated', (i, key) => (((i * 48_271) % length) + key) % length],
  ])('detect %s', (_, at) => {
    const orders = Array.from({ length: keys }, (_, key) => Array.from({ length }, (_, i) => at(i, key)));
    expect(() => expectPlausible(deviations(orders, length))).toThrow();
  });
});
