import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { TorchGenerator } from '../random/index.js';
import { AliasTable } from './alias-table.js';
import { DrawnOrder } from './drawn-order.js';
import { EpochSampler } from './epoch-sampler.js';
import { generatorOption } from './generator-option.js';
import type { IndexOrder } from './index-order.js';
import { checkOrderSource, describeOrderSource, seedOption } from './order-source.js';
import { raceOrder, WeightedOrder } from './weighted-order.js';

export interface WeightedRandomSamplerOptions {
  /** Indices per epoch. @defaultValue the number of weights */
  readonly numSamples?: number;
  /** Whether to draw with replacement. @defaultValue `true` */
  readonly replacement?: boolean;
  /** Fixes the draws of all epochs. @defaultValue `0` */
  readonly seed?: number;
  /**
   * Draws as PyTorch does, from this generator, whose state advances from pass to pass. PyTorch's default is
   * `defaultGenerator`. Excludes `seed`.
   */
  readonly generator?: TorchGenerator;
}

const schema = v.strictObject({
  numSamples: v.optional(integerFrom(1)),
  replacement: v.optional(booleanOption, true),
  seed: seedOption,
  generator: generatorOption,
});

type Resolved = v.InferOutput<typeof schema> & { readonly numSamples: number };

/**
 * Draws indices by weight, with new draws each epoch. The weights need not add up to 1.
 *
 * The draws are a function of seed and epoch. With replacement, each draw costs O(1) at any position, after O(n) for the
 * first; without, an epoch starts with O(n log n). With `generator` they equal PyTorch's `WeightedRandomSampler` as exactly
 * as `TorchGenerator.multinomial` does.
 */
export class WeightedRandomSampler extends EpochSampler {
  readonly elastic = true;
  readonly #weights: Float64Array;
  readonly #options: Resolved;
  #table: AliasTable | undefined;

  /**
   * @param weights - One weight per sample: 0 or more, not all 0. They are copied.
   * @throws {@link ConfigError} for invalid weights, and, without replacement, if fewer weights are above 0 than
   * `numSamples`. PyTorch then draws indices of weight 0, and so does this sampler with `generator`.
   */
  constructor(weights: ArrayLike<number>, options: WeightedRandomSamplerOptions = {}) {
    const parsed = parseOptions('WeightedRandomSampler options', schema, options);
    checkOrderSource('WeightedRandomSampler options', parsed);
    const copied = Float64Array.from(weights);
    const resolved = { ...parsed, numSamples: parsed.numSamples ?? copied.length };
    checkWeights(copied, resolved);
    super(
      resolved.generator &&
        new DrawnOrder(resolved.generator, (engine, start) => draw(engine, copied, resolved, start)),
    );
    this.#weights = copied;
    this.#options = resolved;
  }

  /**
   * Draws every class equally often: each sample in inverse proportion to the size of its class.
   *
   * @param labels - The class of each sample: numbers or texts.
   * @throws {@link ConfigError}
   * @remarks O(n)
   */
  static balanced(
    labels: ArrayLike<number | string>,
    options: WeightedRandomSamplerOptions = {},
  ): WeightedRandomSampler {
    const sizes = new Map<number | string, number>();
    for (let i = 0; i < labels.length; i++) sizes.set(labels[i]!, (sizes.get(labels[i]!) ?? 0) + 1);
    const weights = Float64Array.from({ length: labels.length }, (_, i) => 1 / sizes.get(labels[i]!)!);
    return new WeightedRandomSampler(weights, options);
  }

  get length(): number {
    return this.#options.numSamples;
  }

  fingerprint(): string {
    return fingerprint({
      sampler: 'WeightedRandomSampler',
      weights: fingerprintBytes(this.#weights),
      length: this.length,
      replacement: this.#options.replacement,
      order: describeOrderSource(this.#options),
    });
  }

  protected order(epoch: number): IndexOrder {
    const { seed = 0, replacement } = this.#options;
    const settings = { length: this.length, seed, epoch };
    if (!replacement) return raceOrder(this.#weights, settings);
    this.#table ??= new AliasTable(this.#weights);
    return new WeightedOrder(this.#weights.length, this.#table, settings);
  }
}

function* draw(
  generator: TorchGenerator,
  weights: Float64Array,
  { numSamples, replacement }: Resolved,
  start: number,
): Iterable<number> {
  yield* generator.multinomial(weights, numSamples, { replacement }).subarray(start);
}

function checkWeights(weights: Float64Array, { numSamples, replacement, generator }: Resolved): void {
  const problem = (field: string, message: string) =>
    new ConfigError('WeightedRandomSampler', [{ field, message }]);
  const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (wrong >= 0) throw problem(`weights.${wrong}`, `must be 0 or more and finite, not ${weights[wrong]}`);
  const positive = weights.reduce((count, weight) => count + (weight > 0 ? 1 : 0), 0);
  if (positive === 0) throw problem('weights', 'must not all be 0');
  const drawable = generator ? weights.length : positive;
  if (!replacement && numSamples > drawable) {
    throw problem(
      'numSamples',
      `is above the ${drawable} indices that can be drawn, which needs replacement: true`,
    );
  }
}
