import * as v from 'valibot';
import type { JsonObject } from '../core/json.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { TorchGenerator } from '../random/index.js';

/**
 * Draws the indices of one pass and gives those from position `start` on. Nothing is drawn before the first is asked for;
 * a pass that is followed to its end has drawn what PyTorch's would have, whatever `start` was.
 */
export type DrawPass = (generator: TorchGenerator, start: number) => Iterable<number>;

/** Where a pass stands. */
interface PassState {
  readonly epoch: number;
  /** Indices of the pass that were given. */
  position: number;
  /** The generator before the pass, in base64. */
  readonly generator: string;
  /** Whether the pass has not begun, has, or has given all its indices. */
  status: 'next' | 'begun' | 'finished';
}

const stateSchema = v.strictObject({
  epoch: integerFrom(0),
  position: integerFrom(0),
  generator: v.string('must be a string'),
  status: v.picklist(['next', 'begun', 'finished'], 'must be a status of a pass'),
});

/**
 * An order that is drawn from a generator, as PyTorch does it: each pass draws on where the last one stopped, so it is known
 * by the generator's state before the pass and the position in it.
 */
export class DrawnOrder {
  readonly #generator: TorchGenerator;
  readonly #draw: DrawPass;
  #pass: PassState | undefined;
  /** A pass that was loaded and has not been continued. */
  #loaded: PassState | undefined;

  constructor(generator: TorchGenerator, draw: DrawPass) {
    this.#generator = generator;
    this.#draw = draw;
  }

  /**
   * A loaded pass of another epoch was over: what was left of it is drawn and dropped. One that was under way here is left where it is, as
   * PyTorch leaves it.
   */
  enterEpoch(epoch: number): void {
    if (this.#pass && this.#pass.epoch !== epoch) this.#pass = undefined;
    if (this.#loaded && this.#loaded.epoch !== epoch) this.#drawRest(this.#loaded);
  }

  /** One pass, from `start` on, or from where a loaded one stood. */
  *pass(epoch: number, start: number | undefined): Generator<number> {
    if (this.#loaded?.status === 'finished' && start === undefined) this.#drawRest(this.#loaded);
    const loaded = this.#loaded;
    this.#loaded = undefined;
    if (loaded) this.#generator.setState(fromBase64(loaded.generator));
    const pass: PassState = {
      epoch,
      position: start ?? loaded?.position ?? 0,
      generator: toBase64(this.#generator.getState()),
      status: 'begun',
    };
    this.#pass = pass;
    for (const index of this.#draw(this.#generator, pass.position)) {
      pass.position += 1;
      yield index;
    }
    pass.status = 'finished';
  }

  /** The pass under way or just over; before the first, the one that the next iteration begins. */
  state(epoch: number): JsonObject {
    const known = this.#loaded ?? this.#pass;
    return known
      ? { ...known }
      : { epoch, position: 0, generator: toBase64(this.#generator.getState()), status: 'next' };
  }

  /** @throws {@link ConfigError} when the state is not one of {@link state}. */
  load(state: JsonObject): void {
    const loaded = parseOptions('sampler state', stateSchema, state);
    this.#generator.setState(fromBase64(loaded.generator));
    this.#loaded = loaded.status === 'next' ? undefined : loaded;
    this.#pass = undefined;
  }

  #drawRest({ generator, position }: PassState): void {
    this.#loaded = undefined;
    this.#generator.setState(fromBase64(generator));
    for (const _ of this.#draw(this.#generator, position));
  }
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
