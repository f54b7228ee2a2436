import * as v from 'valibot';
import { type TypedArray, type TypedArrayOf, zeros } from '../core/dtype.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { countUp, type DrawSize, drawCount } from './draw-size.js';
import { masked } from './numpy-bounded.js';
import {
  checkShares,
  chooseDistinct,
  chooseDistinctWeighted,
  chooseUniform,
  chooseWeighted,
} from './numpy-choice.js';
import {
  integerDTypes,
  integerRange,
  type NumpyIntegerDType,
  smallIntegerDraws,
  wideIntegerDraws,
} from './numpy-integers.js';
import { type NumpyGeneratorState, readNumpyState, writeNumpyState } from './numpy-state.js';
import { Pcg64 } from './pcg64.js';
import { SeedSequence } from './seed-sequence.js';

export interface ChoiceOptions {
  /** Whether an index may be drawn more than once. @defaultValue `true` */
  readonly replace?: boolean;
  /** The probability of each index; they must add up to 1. @defaultValue uniform */
  readonly p?: ArrayLike<number>;
  /** Whether the order is random too, for draws without replacement and without `p`. @defaultValue `true` */
  readonly shuffle?: boolean;
}

export interface IntegersOptions<D extends NumpyIntegerDType = NumpyIntegerDType> {
  /** The dtype of the result. @defaultValue `'int64'` */
  readonly dtype?: D;
  /** Whether `high` is included. @defaultValue `false` */
  readonly endpoint?: boolean;
}

export interface RandomOptions<D extends 'float32' | 'float64' = 'float32' | 'float64'> {
  /** `'float64'` has 53 random bits, `'float32'` 24. @defaultValue `'float64'` */
  readonly dtype?: D;
}

/** The result type of `integers` by dtype: 64-bit integers are returned as doubles unless a bound is a `bigint`. */
export type IntegerArray<D extends NumpyIntegerDType> = D extends 'int64' | 'uint64'
  ? Float64Array | TypedArrayOf<D>
  : TypedArrayOf<D>;

const shares = v.custom<ArrayLike<number>>(
  (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value),
  'must be an array of numbers',
);
const choiceSchema = v.strictObject({
  replace: v.optional(booleanOption, true),
  p: v.optional(shares),
  shuffle: v.optional(booleanOption, true),
});
const integersSchema = v.strictObject({
  dtype: v.optional(v.picklist(integerDTypes, `must be one of ${integerDTypes.join(', ')}`), 'int64'),
  endpoint: v.optional(booleanOption, false),
});
const randomSchema = v.strictObject({
  dtype: v.optional(v.picklist(['float32', 'float64'], `must be 'float32' or 'float64'`), 'float64'),
});

const blockLength = 1024;

/** An array or a typed array. */
interface Swappable<T> {
  readonly length: number;
  [index: number]: T;
}

/** `numpy.random.default_rng(seed)`, bit for bit: PCG64 seeded through `SeedSequence`. */
export class NumpyGenerator {
  readonly #engine: Pcg64;

  /**
   * @param seed - An integer of 0 or more, several, or a seed sequence. @throws {@link ConfigError} for other seeds
   */
  constructor(seed: number | bigint | readonly (number | bigint)[] | SeedSequence) {
    this.#engine = new Pcg64(seed instanceof SeedSequence ? seed : new SeedSequence(seed));
  }

  /** The next 64 bits as an unsigned integer: `bit_generator.random_raw()`. */
  raw(): bigint {
    return this.#engine.uint64();
  }

  /** Shuffles in place. The order does not depend on the array type. */
  shuffle<T>(array: Swappable<T>): void {
    const partners = new Float64Array(blockLength);
    // Draw a block, then swap: the swaps' memory reads then wait neither for the arithmetic nor for one another.
    for (let last = array.length - 1; last > 0; last -= blockLength) {
      const count = Math.min(blockLength, last);
      for (let k = 0; k < count; k++) partners[k] = masked(this.#engine, last - k);
      for (let k = 0; k < count; k++) {
        const j = partners[k]!;
        const kept = array[last - k]!;
        array[last - k] = array[j]!;
        array[j] = kept;
      }
    }
  }

  /** A random order of `0 … n - 1`: an `Int32Array` for n up to 2^31, beyond it a `Float64Array`. */
  permutation(n: number): Int32Array | Float64Array;
  /** A shuffled copy. */
  permutation<A extends readonly unknown[] | TypedArray>(array: A): A;
  permutation(source: number | readonly unknown[] | TypedArray): unknown {
    const copy =
      typeof source === 'number' ? countUp(drawCount('NumpyGenerator.permutation', source)) : source.slice();
    this.shuffle(copy as Swappable<unknown>);
    return copy;
  }

  /**
   * Chooses indices of `0 … n - 1`.
   *
   * @param size - A count or a shape; the result is flat.
   * @throws {@link ConfigError} naming the invalid argument.
   */
  choice(n: number, size: DrawSize, options: ChoiceOptions = {}): Int32Array | Float64Array {
    const { replace, p, shuffle } = parseOptions('NumpyGenerator.choice options', choiceSchema, options);
    const count = drawCount('NumpyGenerator.choice', size);
    const request = { population: n, count, shuffle };
    checkPopulation(n, count, replace);
    if (p) {
      checkShares(p, request, replace);
      return (replace ? chooseWeighted : chooseDistinctWeighted)(this.#engine, request, p);
    }
    return (replace ? chooseUniform : chooseDistinct)(this.#engine, request);
  }

  /**
   * Integers in `low … high - 1`, or `… high` with `endpoint`, without bias.
   *
   * @param size - A count or a shape; the result is flat. Without it, the result is one integer of the element type.
   * @returns A typed array of the dtype. For `'int64'` and `'uint64'`, a `BigInt64Array` or `BigUint64Array` if a
   *   bound is a `bigint`, else a `Float64Array` of the same values.
   * @throws {@link ConfigError} if the bounds are in the wrong order or outside the dtype.
   */
  integers(low: number, high: number, size?: undefined, options?: IntegersOptions): number;
  integers(
    low: number | bigint,
    high: number | bigint,
    size?: undefined,
    options?: IntegersOptions,
  ): number | bigint;
  integers(low: number, high: number, size: DrawSize, options?: IntegersOptions<'int64'>): Float64Array;
  integers<D extends NumpyIntegerDType = 'int64'>(
    low: number | bigint,
    high: number | bigint,
    size: DrawSize,
    options?: IntegersOptions<D>,
  ): IntegerArray<D>;
  integers(
    low: number | bigint,
    high: number | bigint,
    size?: DrawSize,
    options: IntegersOptions = {},
  ): unknown {
    const count = size === undefined ? 1 : drawCount('NumpyGenerator.integers', size);
    const values = this.#integers(low, high, count, options);
    return size === undefined ? values[0] : values;
  }

  /** Uniform in `[0, 1)`. @param size - A count or a shape; the result is flat. */
  random(size: DrawSize, options?: RandomOptions<'float64'>): Float64Array;
  random(size: DrawSize, options: RandomOptions<'float32'>): Float32Array;
  random(size: DrawSize, options?: RandomOptions): Float32Array | Float64Array;
  random(size: DrawSize, options: RandomOptions = {}): Float32Array | Float64Array {
    const { dtype } = parseOptions('NumpyGenerator.random options', randomSchema, options);
    const count = drawCount('NumpyGenerator.random', size);
    const values = dtype === 'float64' ? new Float64Array(count) : new Float32Array(count);
    if (dtype === 'float64') for (let i = 0; i < count; i++) values[i] = this.#engine.float64();
    else for (let i = 0; i < count; i++) values[i] = (this.#engine.uint32() >>> 8) * 2 ** -24;
    return values;
  }

  /**
   * The state in the format of numpy's `bit_generator.state`, with 128-bit numbers as decimal strings: plain JSON.
   */
  getState(): NumpyGeneratorState {
    return writeNumpyState(this.#engine);
  }

  /** Continues from a state. @throws {@link ConfigError} naming the invalid field */
  setState(state: NumpyGeneratorState): this {
    readNumpyState(this.#engine, state);
    return this;
  }

  #integers(
    low: number | bigint,
    high: number | bigint,
    count: number,
    options: IntegersOptions,
  ): TypedArray {
    const { dtype, endpoint } = parseOptions('NumpyGenerator.integers options', integersSchema, options);
    const range = integerRange(low, high, dtype, endpoint);
    const wide = dtype === 'int64' || dtype === 'uint64';
    const big = wide && (typeof low === 'bigint' || typeof high === 'bigint');
    if (wide && (big || range.max > 0xffffffffn)) {
      const draw = wideIntegerDraws(this.#engine, range);
      return big ? zeros(dtype, count).map(draw) : new Float64Array(count).map(() => Number(draw()));
    }
    const draw = smallIntegerDraws(this.#engine, dtype, Number(range.max));
    const first = Number(range.low);
    return (wide ? new Float64Array(count) : (zeros(dtype, count) as Int32Array)).map(() => first + draw());
  }
}

function checkPopulation(n: number, count: number, replace: boolean): void {
  const population = v.pipe(
    integerFrom(count > 0 ? 1 : 0),
    v.check(
      (value) => replace || value >= count,
      `is ${n}, fewer than the ${count} to choose: set replace: true to allow repeats`,
    ),
  );
  parseOptions('NumpyGenerator.choice', v.strictObject({ n: population }), { n });
}
