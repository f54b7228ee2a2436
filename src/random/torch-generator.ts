import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { type TorchRelease, torchReleases } from '../core/torch-release.js';
import { type DrawSize, drawCount } from './draw-size.js';
import { toBigInt } from './integer-words.js';
import { Mt19937 } from './mt19937.js';
import {
  checkWeights,
  drawWithoutReplacement,
  drawWithReplacement,
  type Weights,
} from './torch-multinomial.js';
import { longPermutation, longRandperm, remainder64, shortRandperm } from './torch-randperm.js';
import { noNormals, readTorchState, writeTorchState } from './torch-state.js';

export interface TorchGeneratorOptions {
  /**
   * The PyTorch release to reproduce. `randint` uses 64-bit draws for ranges of at least 2^32 in 1.13 and 2^28 in
   * 2.13; `randperm` uses them from 214748364 elements on, in 2.13 only; `multinomial` of a single draw with
   * replacement uses the running sum in 1.13 and the race of exponentials in 2.13. @defaultValue `'2.13'`
   */
  readonly release?: TorchRelease;
}

export interface RandOptions<D extends 'float32' | 'float64' = 'float32' | 'float64'> {
  /** `'float32'` has 24 random bits and consumes one word, `'float64'` 53 bits and two. @defaultValue `'float32'` */
  readonly dtype?: D;
}

export interface MultinomialOptions {
  /** Whether an index may be drawn more than once. @defaultValue `false` */
  readonly replacement?: boolean;
}

const schema = v.strictObject({
  release: v.optional(v.picklist(torchReleases, `must be '1.13' or '2.13'`), torchReleases[0]),
});
const randSchema = v.strictObject({
  dtype: v.optional(v.picklist(['float32', 'float64'], `must be 'float32' or 'float64'`), 'float32'),
});
const multinomialSchema = v.strictObject({ replacement: v.optional(booleanOption, false) });

/** The seed of a generator without an explicit one, as in PyTorch. */
const defaultSeed = 67280421310721n;

/**
 * PyTorch's CPU generator, bit for bit: the Mersenne Twister, with `torch.randperm`, `torch.randint`, `torch.rand`
 * and `torch.multinomial`.
 *
 * Only the low 32 bits of the seed reach the engine, as in PyTorch: seeds with equal low bits give the same numbers.
 */
export class TorchGenerator {
  readonly release: TorchRelease;
  readonly #engine = new Mt19937();
  #seed = defaultSeed;
  #normals: Uint8Array = noNormals;

  /**
   * @param seed - From -2^63 to 2^64 - 1; a negative one counts from 2^64 down. @defaultValue `67280421310721`
   * @throws {@link ConfigError} for other seeds and for unknown options.
   */
  constructor(seed: number | bigint = defaultSeed, options: TorchGeneratorOptions = {}) {
    this.release = parseOptions('TorchGenerator options', schema, options).release;
    this.manualSeed(seed);
  }

  /** Restarts from a seed, as the constructor does. */
  manualSeed(seed: number | bigint): this {
    const value = toBigInt('TorchGenerator', 'seed', seed);
    if (value < -(2n ** 63n) || value >= 2n ** 64n) {
      throw new ConfigError('TorchGenerator', [
        { field: 'seed', message: `must be from -2^63 to 2^64 - 1, not ${seed}` },
      ]);
    }
    this.#seed = BigInt.asUintN(64, value);
    this.#normals = noNormals;
    this.#engine.seed(Number(BigInt.asUintN(32, value)));
    return this;
  }

  /** Restarts from a seed drawn from the system, and returns it. */
  seed(): bigint {
    const [seed] = crypto.getRandomValues(new BigUint64Array(1));
    this.manualSeed(seed!);
    return this.#seed;
  }

  /** The current seed, in 0 … 2^64 - 1. */
  get initialSeed(): bigint {
    return this.#seed;
  }

  /** The next 32 bits as an unsigned integer. */
  random(): number {
    return this.#engine.uint32();
  }

  /** The next 63 bits as an integer of 0 or more: `tensor.random_()` of an int64. */
  randomInt64(): bigint {
    return BigInt.asUintN(63, this.#uint64());
  }

  /** Skips `words` 32-bit words, much faster than drawing them. */
  skip(words: number): void {
    this.#engine.skip(words);
  }

  /**
   * A random order of `0 … n - 1`.
   *
   * @returns An `Int32Array` for n up to 2^31, beyond it a `Float64Array`.
   * @throws {@link ConfigError} unless n is an integer of 0 or more.
   * @remarks O(n). Consumes {@link TorchGenerator.randpermWords} words. For an order in O(1) memory, see
   *   `IndexPermutation`.
   */
  randperm(n: number): Int32Array | Float64Array {
    checkCount('TorchGenerator.randperm', 'n', n);
    return this.#isLong(n) ? longRandperm(this.#engine, n) : shortRandperm(this.#engine, n);
  }

  /** Number of words that {@link TorchGenerator.randperm} consumes for a length. */
  randpermWords(n: number): number {
    return this.#isLong(n) ? 2 * n : Math.max(0, n - 1);
  }

  /**
   * Integers in `low … high - 1`, by remainder as in PyTorch, which favors low values by up to range / 2^32.
   *
   * @param size - A count or a shape; the result is flat.
   * @returns A `BigInt64Array` if either bound is a `bigint`, else a `Float64Array` of the same values.
   * @throws {@link ConfigError} unless `low < high`, both within int64.
   */
  randint(low: number, high: number, size: DrawSize): Float64Array;
  randint(low: number | bigint, high: number | bigint, size: DrawSize): Float64Array | BigInt64Array;
  randint(low: number | bigint, high: number | bigint, size: DrawSize): Float64Array | BigInt64Array {
    const count = drawCount('TorchGenerator.randint', size);
    const first = toBigInt('TorchGenerator.randint', 'low', low);
    const range = toBigInt('TorchGenerator.randint', 'high', high) - first;
    checkRandint(first, range, high);
    if (typeof low === 'bigint' || typeof high === 'bigint') {
      return BigInt64Array.from({ length: count }, () => first + this.#bigBelow(range));
    }
    const values = new Float64Array(count);
    if (range >= 2n ** 36n) return values.map(() => Number(first + this.#bigBelow(range)));
    const below = this.#below(Number(range));
    for (let i = 0; i < count; i++) values[i] = low + below();
    return values;
  }

  /** Uniform in `[0, 1)`. @param size - A count or a shape; the result is flat. */
  rand(size: DrawSize, options?: RandOptions<'float32'>): Float32Array;
  rand(size: DrawSize, options: RandOptions<'float64'>): Float64Array;
  rand(size: DrawSize, options?: RandOptions): Float32Array | Float64Array;
  rand(size: DrawSize, options: RandOptions = {}): Float32Array | Float64Array {
    const { dtype } = parseOptions('TorchGenerator.rand options', randSchema, options);
    const count = drawCount('TorchGenerator.rand', size);
    if (dtype === 'float64') return Float64Array.from({ length: count }, () => this.#float64());
    return Float32Array.from({ length: count }, () => (this.#engine.uint32() & 0xffffff) * 2 ** -24);
  }

  /**
   * Draws indices by weight: of k weights, index i with probability `weights[i] / sum`.
   *
   * @param weights - 0 or more, not all 0. A `Float32Array` is processed in float32, anything else in float64.
   * @param count - Number of draws; without replacement at most the number of weights. If fewer weights are above 0,
   *   indices with weight 0 come last, as in PyTorch.
   * @throws {@link ConfigError} naming the invalid argument.
   * @remarks With replacement O(k + count·log k). Without, O(k log k), and `Math.log1p` may differ from PyTorch's
   *   logarithm in the last bit, which matters only if two draws are that close.
   */
  multinomial(weights: Weights, count: number, options: MultinomialOptions = {}): Int32Array {
    const { replacement } = parseOptions('TorchGenerator.multinomial options', multinomialSchema, options);
    checkWeights('TorchGenerator.multinomial', weights);
    checkCount('TorchGenerator.multinomial', 'count', count);
    if (!replacement && count > weights.length) {
      throw new ConfigError('TorchGenerator.multinomial', [
        {
          field: 'count',
          message: `is ${count}, more than the ${weights.length} weights: set replacement: true to allow repeats`,
        },
      ]);
    }
    const runningSum = replacement && (count > 1 || this.release === '1.13');
    return (runningSum ? drawWithReplacement : drawWithoutReplacement)(weights, count, () => this.#float64());
  }

  /** The state in the format of `torch.Generator.get_state()`: 5056 bytes. */
  getState(): Uint8Array {
    return writeTorchState(this.#engine, { seed: this.#seed, normals: this.#normals });
  }

  /**
   * Continues from a state of {@link TorchGenerator.getState} or PyTorch. @throws {@link ConfigError} for other bytes
   */
  setState(state: Uint8Array): this {
    const { seed, normals } = readTorchState(this.#engine, state);
    this.#seed = seed;
    this.#normals = normals;
    return this;
  }

  #isLong(n: number): boolean {
    return this.release === '2.13' && n >= longPermutation;
  }

  #uint64(): bigint {
    const high = BigInt(this.#engine.uint32());
    return (high << 32n) | BigInt(this.#engine.uint32());
  }

  #float64(): number {
    const high = this.#engine.uint32() & 0x1fffff;
    return (high * 2 ** 32 + this.#engine.uint32()) * 2 ** -53;
  }

  /** PyTorch uses 64-bit draws for ranges of at least this. */
  get #wideRange(): number {
    return this.release === '1.13' ? 2 ** 32 : 2 ** 28;
  }

  /** Draws from `0 … range - 1`, for a range below 2^36. */
  #below(range: number): () => number {
    if (range < this.#wideRange) return () => this.#engine.uint32() % range;
    return () => {
      const high = this.#engine.uint32();
      return remainder64(high, this.#engine.uint32(), range);
    };
  }

  #bigBelow(range: bigint): bigint {
    return range < BigInt(this.#wideRange) ? BigInt(this.#engine.uint32()) % range : this.#uint64() % range;
  }
}

function checkCount(subject: string, field: string, value: number): void {
  parseOptions(subject, v.strictObject({ [field]: integerFrom(0) }), { [field]: value });
}

function checkRandint(low: bigint, range: bigint, high: number | bigint): void {
  const problem = (field: string, message: string) =>
    new ConfigError('TorchGenerator.randint', [{ field, message }]);
  if (range <= 0n) throw problem('high', `must be above low, which is ${low}, not ${high}`);
  if (BigInt.asIntN(64, low) !== low) throw problem('low', 'must be within int64');
  if (low + range > 2n ** 63n) throw problem('high', 'must be at most 2^63');
}
