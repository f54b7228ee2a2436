import type { JsonObject, Sampler } from 'millrace';

/** A sampler as the guarantees describe it: its state is a position, and iterating continues there. In epoch e, sample 0 is at position e. */
export class TurningSampler implements Sampler {
  readonly length: number;
  protected position = 0;
  #epoch = 0;

  constructor(length: number) {
    this.length = length;
  }

  setEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  fingerprint(): string {
    return `turning ${this.length}`;
  }

  stateDict(): JsonObject {
    return { position: this.position };
  }

  loadStateDict(state: JsonObject): void {
    this.position = Number(state.position);
  }

  *[Symbol.iterator](): Generator<number> {
    while (this.position < this.length)
      yield (this.position++ + (this.length - 1) * this.#epoch) % this.length;
    this.position = 0;
  }
}

/** One that can seek as well. */
export class SeekingSampler extends TurningSampler {
  seek(position: number): void {
    this.position = position;
  }
}

/** One whose epochs follow from one another, so that none is known without those before it. */
export class EvolvingSampler implements Sampler {
  readonly length: number;
  #seed = 1;
  #position = 0;

  constructor(length: number) {
    this.length = length;
  }

  stateDict(): JsonObject {
    return { seed: this.#seed, position: this.#position };
  }

  loadStateDict(state: JsonObject): void {
    this.#seed = Number(state.seed);
    this.#position = Number(state.position);
  }

  *[Symbol.iterator](): Generator<number> {
    while (this.#position < this.length) yield (this.#position++ + this.#seed) % this.length;
    this.#position = 0;
    this.#seed = (this.#seed * 48_271) % 2_147_483_647;
  }
}
