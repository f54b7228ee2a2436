import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { lengthOf, type Sized } from '../core/sampler.js';
import type { TorchGenerator } from '../random/index.js';
import { DrawnOrder, type DrawPass } from './drawn-order.js';
import { EpochSampler } from './epoch-sampler.js';
import { generatorOption } from './generator-option.js';
import type { IndexOrder } from './index-order.js';
import { checkOrderSource, describeOrderSource, type OrderSource, seedOption } from './order-source.js';
import { RepeatedOrder } from './repeated-order.js';
import { ReplacementOrder } from './replacement-order.js';
import { ShuffledOrder } from './shuffled-order.js';

export interface RandomSamplerOptions {
  /** Fixes the orders of all epochs: the same seed produces the same order on every machine. @defaultValue `0` */
  readonly seed?: number;
  /** Whether to draw with replacement. @defaultValue `false` */
  readonly replacement?: boolean;
  /**
   * Indices per epoch. Above the dataset's length, an epoch consists of several passes, each in its own order.
   * @defaultValue the dataset's length
   */
  readonly numSamples?: number;
  /**
   * How often each index comes in a row, for repeated augmentation (Hoffer et al., 2020): each time with other random numbers. The number of
   * indices per epoch stays the same, as in DeiT: with 3 repeats, an epoch has a third of the samples. @defaultValue `1`
   */
  readonly repeats?: number;
  /** Draws PyTorch's order from this generator, whose state advances from pass to pass. Excludes `seed`. */
  readonly generator?: TorchGenerator;
  /**
   * Draws PyTorch's order as PyTorch does without a generator: each pass draws a seed from this generator
   * (`defaultGenerator` is PyTorch's global one) and seeds its own generator. Excludes `seed` and `generator`.
   */
  readonly seedFrom?: TorchGenerator;
}

const schema = v.strictObject({
  seed: seedOption,
  replacement: v.optional(booleanOption, false),
  numSamples: v.optional(integerFrom(1)),
  repeats: v.optional(integerFrom(1), 1),
  generator: generatorOption,
  seedFrom: generatorOption,
});

type Resolved = v.InferOutput<typeof schema>;

/** With replacement, PyTorch draws this many indices at a time. */
const drawBlock = 32;

/**
 * A random order that changes each epoch.
 *
 * The order is a function of seed and epoch: nothing is stored, any position is computed in O(1) for lengths up to 2^53,
 * and iterating an epoch twice returns the same order. With `generator` or `seedFrom` it is PyTorch's
 * `RandomSampler` instead, bit for bit, at 4 to 8 bytes per index; each iteration is then the next pass, and `seek` draws
 * and drops.
 */
export class RandomSampler extends EpochSampler {
  readonly elastic = true;
  readonly #source: Sized;
  readonly #options: Resolved;

  /**
   * @param source - A dataset, whose length is read each epoch, or a length.
   * @throws {@link ConfigError} naming the option at fault.
   */
  constructor(source: Sized, options: RandomSamplerOptions = {}) {
    const resolved = parseOptions('RandomSampler options', schema, options);
    checkOrderSource('RandomSampler options', resolved);
    if (resolved.repeats > 1 && (resolved.generator ?? resolved.seedFrom))
      throw new ConfigError('RandomSampler options', [
        {
          field: 'repeats',
          message: "has no effect together with generator or seedFrom: PyTorch's order has none",
        },
      ]);
    super(drawnOrder(source, resolved));
    this.#source = source;
    this.#options = resolved;
  }

  get length(): number {
    return countOf(this.#source, this.#options);
  }

  fingerprint(): string {
    return fingerprint({
      sampler: 'RandomSampler',
      samples: lengthOf(this.#source),
      length: this.length,
      replacement: this.#options.replacement,
      order: describeOrderSource(this.#options),
      ...(this.#options.repeats > 1 && { repeats: this.#options.repeats }),
    });
  }

  protected order(epoch: number): IndexOrder {
    const { seed = 0, replacement, repeats } = this.#options;
    const samples = lengthOf(this.#source);
    const Order = replacement ? ReplacementOrder : ShuffledOrder;
    const order = new Order({ samples, length: Math.ceil(this.length / repeats), seed, epoch });
    return repeats === 1 ? order : new RepeatedOrder(order, repeats, this.length);
  }
}

function countOf(source: Sized, { numSamples }: Resolved): number {
  const samples = lengthOf(source);
  return samples === 0 ? 0 : (numSamples ?? samples);
}

function drawnOrder(source: Sized, options: Resolved & OrderSource): DrawnOrder | undefined {
  const { generator, seedFrom, replacement } = options;
  const draw: DrawPass = (engine, start) => {
    const pass = { samples: lengthOf(source), count: countOf(source, options), start };
    return replacement ? drawReplacements(engine, pass) : drawPermutations(engine, pass);
  };
  if (generator) return new DrawnOrder(generator, draw);
  return (
    seedFrom &&
    new DrawnOrder(seedFrom, (engine, start) => drawFromFresh(engine, (fresh) => draw(fresh, start)))
  );
}

interface Pass {
  readonly samples: number;
  readonly count: number;
  readonly start: number;
}

function* drawFromFresh(
  source: TorchGenerator,
  draw: (fresh: TorchGenerator) => Iterable<number>,
): Iterable<number> {
  // The class of the generator that is given: a page without one does not load it.
  const Generator = source.constructor as typeof TorchGenerator;
  yield* draw(new Generator(source.randomInt64(), { release: source.release }));
}

/** Yields as many whole permutations as fit, and always one more, even if none of its indices is needed. */
function* drawPermutations(generator: TorchGenerator, { samples, count, start }: Pass): Iterable<number> {
  for (let first = 0; samples > 0 && first <= count; first += samples) {
    const wanted = Math.min(samples, count - first);
    const given = Math.max(0, start - first);
    if (given < wanted) yield* generator.randperm(samples).subarray(given, wanted);
    else generator.skip(generator.randpermWords(samples));
  }
}

function* drawReplacements(generator: TorchGenerator, { samples, count, start }: Pass): Iterable<number> {
  for (let first = 0; first < count; first += drawBlock) {
    const block = generator.randint(0, samples, Math.min(drawBlock, count - first));
    yield* block.subarray(Math.min(block.length, Math.max(0, start - first)));
  }
}
