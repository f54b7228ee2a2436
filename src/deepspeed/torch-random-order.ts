import { fingerprint } from '../core/fingerprint.js';
import type { JsonObject } from '../core/json.js';
import { lengthOf, type Sampler, type Sized } from '../core/sampler.js';
import { defaultGenerator, TorchGenerator } from '../random/index.js';

/**
 * A new order in each epoch from PyTorch's process-wide generator, drawn as PyTorch draws it: the loader's base seed,
 * then the seed of the epoch's permutation.
 *
 * The state contains the seed of the current epoch and the generator. A loader that continues from a state draws from
 * its own copy from then on, and leaves the process-wide generator alone.
 */
export class TorchRandomOrder implements Sampler {
  readonly #source: Sized;
  #generator: TorchGenerator = defaultGenerator;
  #drawn: { readonly epoch: number; readonly seed: bigint } | undefined;
  #position = 0;

  constructor(source: Sized) {
    this.#source = source;
  }

  get length(): number {
    return lengthOf(this.#source);
  }

  /** Draws the seed of the epoch, unless it has been drawn. */
  setEpoch(epoch: number): void {
    if (this.#drawn?.epoch === epoch) return;
    drawBaseSeed(this.#generator);
    this.#drawn = { epoch, seed: this.#generator.randomInt64() };
  }

  seek(position: number): void {
    this.#position = position;
  }

  *[Symbol.iterator](): Generator<number> {
    const start = this.#position;
    this.#position = 0;
    const order = new TorchGenerator(this.#drawn?.seed ?? 0n).randperm(this.length);
    for (let position = start; position < order.length; position++) yield order[position]!;
  }

  fingerprint(): string {
    return fingerprint({ kind: 'TorchRandomOrder', length: this.length });
  }

  /** The seed of the current epoch, and the generator after it. */
  orderState(): JsonObject {
    const { epoch, seed } = this.#drawn ?? { epoch: -1, seed: 0n };
    return {
      epoch,
      seed: String(seed),
      generator: Buffer.from(this.#generator.getState()).toString('base64'),
    };
  }

  loadOrderState(state: JsonObject): void {
    this.#generator = new TorchGenerator(0).setState(Buffer.from(String(state.generator), 'base64'));
    this.#drawn = { epoch: Number(state.epoch), seed: BigInt(String(state.seed)) };
  }
}

/** PyTorch draws a seed for its workers at the start of every pass, even without workers. */
export function drawBaseSeed(generator: TorchGenerator = defaultGenerator): void {
  generator.randomInt64();
}
