import type { SampleContext, SamplePart, SampleRandom } from '../../../core/dataset.js';

/** Context fields that a sample read and that may differ between epochs. */
export interface Asked {
  what: string | undefined;
}

/** The context of a sample that must always be the same: it notes what would make the sample vary, and refuses random numbers. */
export class FixedContext implements SampleContext {
  readonly index: number;
  readonly #context: SampleContext;
  readonly #asked: Asked;

  constructor(context: SampleContext, asked: Asked) {
    this.index = context.index;
    this.#context = context;
    this.#asked = asked;
  }

  get worker(): number | null {
    return this.#context.worker;
  }

  get epoch(): number {
    return this.#note('context.epoch', this.#context.epoch);
  }

  get seed(): number {
    return this.#note('context.seed', this.#context.seed);
  }

  get globalStep(): number | undefined {
    return this.#note('context.globalStep', this.#context.globalStep);
  }

  /** A pipeline may pass it on without drawing from it. */
  get rng(): SampleRandom {
    const refuse = (): never => {
      this.#note('random numbers (context.rng)', 0);
      throw new Error('A sample that is kept has no random numbers');
    };
    return { uint32: refuse, float: refuse, integer: refuse, boolean: refuse, normal: refuse };
  }

  part(name: string | number, part?: SamplePart): SampleContext {
    return new FixedContext(this.#context.part(name, part), this.#asked);
  }

  #note<V>(what: string, value: V): V {
    this.#asked.what ??= what;
    return value;
  }
}
