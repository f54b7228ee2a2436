import * as v from 'valibot';
import type { JsonObject } from '../core/json.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { TorchGenerator } from '../random/index.js';

/**
 * Draws the indices of one pass and yields those from position `start` on. It draws nothing before the first index is
 * requested. A pass that runs to its end has drawn as much as PyTorch's, for any `start`.
 */
export type DrawPass = (generator: TorchGenerator, start: number) => Iterable<number>;

/** The state of a pass. */
interface PassState {
  readonly epoch: number;
  /** Indices of the pass that were returned. */
  position: number;
  /** The generator's state before the pass, in base64. */
  readonly generator: string;
  /** Whether the pass has not begun, is running, or has returned all its indices. */
  status: 'next' | 'begun' | 'finished';
}

const stateSchema = v.strictObject({
  epoch: integerFrom(0),
  position: integerFrom(0),
  generator: v.string('must be a string'),
  status: v.picklist(['next', 'begun', 'finished'], 'must be a status of a pass'),
});

/**
 * An order that is drawn from a generator, as in PyTorch. Each pass continues the generator of the last one, so the
 * generator's state before the pass and the position in it identify a state.
 */
export class DrawnOrder {
  readonly #generator: TorchGenerator;
  readonly #draw: DrawPass;
  #pass: PassState | undefined;
  /** A loaded pass that has not been continued yet. */
  #loaded: PassState | undefined;

  constructor(generator: TorchGenerator, draw: DrawPass) {
    this.#generator = generator;
    this.#draw = draw;
  }

  /**
   * A new epoch ends a loaded pass: the rest of it is drawn and dropped. A pass that began in this process keeps its
   * position, as in PyTorch.
   */
  enterEpoch(epoch: number): void {
    if (this.#pass && this.#pass.epoch !== epoch) this.#pass = undefined;
    if (this.#loaded && this.#loaded.epoch !== epoch) this.#drawRest(this.#loaded);
  }

  /** Yields one pass from `start` on, or from the position of a loaded one. */
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

  /** The current or last pass; before the first, the pass that the next iteration begins. */
  state(epoch: number): JsonObject {
    const known = this.#loaded ?? this.#pass;
    return known
      ? { ...known }
      : { epoch, position: 0, generator: toBase64(this.#generator.getState()), status: 'next' };
  }

  /** @throws {@link ConfigError} if the state was not returned by {@link state}. */
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
