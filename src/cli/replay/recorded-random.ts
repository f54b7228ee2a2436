import type { SampleContext, SampleRandom } from '../../core/dataset.js';

/** A random generator that records its draws. */
export class RecordedRandom implements SampleRandom {
  readonly #random: SampleRandom;
  /** The part of the sample that draws; empty for the sample itself. */
  readonly #part: string;
  readonly #draws: string[];

  constructor(random: SampleRandom, part: string, draws: string[]) {
    this.#random = random;
    this.#part = part;
    this.#draws = draws;
  }

  uint32(): number {
    return this.#record('uint32()', this.#random.uint32());
  }

  float(): number {
    return this.#record('float()', this.#random.float());
  }

  integer(low: number, high: number): number {
    return this.#record(`integer(${low}, ${high})`, this.#random.integer(low, high));
  }

  boolean(probability = 0.5): boolean {
    return this.#record(`boolean(${probability})`, this.#random.boolean(probability));
  }

  normal(): number {
    return this.#record('normal()', this.#random.normal());
  }

  #record<T>(call: string, value: T): T {
    this.#draws.push(`${this.#part && `${this.#part}: `}${call} → ${value}`);
    return value;
  }
}

/**
 * Wraps a sample context to record the draws of its generator and those of its parts.
 *
 * @param draws - Receives each draw: `integer(0, 4) → 3`, or `image: float() → 0.25` for a part.
 */
export function recorded(context: SampleContext, draws: string[], path = ''): SampleContext {
  const { index, epoch, seed, worker, globalStep } = context;
  let rng: RecordedRandom | undefined;
  return {
    index,
    epoch,
    seed,
    worker,
    globalStep,
    get rng() {
      rng ??= new RecordedRandom(context.rng, path, draws);
      return rng;
    },
    part: (name, part) => recorded(context.part(name, part), draws, path ? `${path}.${name}` : `${name}`),
  };
}
