import type { SampleContext, SampleRandom } from '../../core/dataset.js';

/** Random numbers that are written down as they are drawn. */
export class RecordedRandom implements SampleRandom {
  readonly #random: SampleRandom;
  #draws: string[] = [];

  constructor(random: SampleRandom) {
    this.#random = random;
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

  /** What was drawn since the last time: `integer(0, 4) → 3`. */
  takeDraws(): string[] {
    const draws = this.#draws;
    this.#draws = [];
    return draws;
  }

  #record<T>(call: string, value: T): T {
    this.#draws.push(`${call} → ${value}`);
    return value;
  }
}

/** The context of a sample with its random numbers written down. */
export function recorded(context: SampleContext): SampleContext & { readonly rng: RecordedRandom } {
  const { index, epoch, seed, worker, rng } = context;
  return { index, epoch, seed, worker, rng: new RecordedRandom(rng) };
}
