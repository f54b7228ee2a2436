import { EmptyLoaderError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';

/** Any async iterable, which can be repeated. */
export interface Repeatable<B> extends AsyncIterable<B> {
  /** The epoch of the next iteration. A loader with this property advances on its own. */
  readonly epoch?: number;
  /** Called before each restart of a loader without `epoch`. */
  setEpoch?(epoch: number): void;
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
  close?(): Promise<void>;
}

export interface RepeatingLoaderOptions {
  /**
   * Whether to reproduce DeepSpeed's defects: never advance the loader's epoch, and end if a restart yields nothing.
   * @defaultValue `false`
   */
  readonly parity?: boolean;
}

/**
 * Repeats a loader forever: after the last batch it starts again, at the next epoch. DeepSpeed's `RepeatingLoader`,
 * except that each restart advances the epoch, and nothing starts before the first batch is requested.
 */
export class RepeatingLoader<B, L extends Repeatable<B> = Repeatable<B>> implements AsyncIterableIterator<B> {
  /** The loader that is repeated. */
  readonly loader: L;
  readonly #parity: boolean;
  #iterator: AsyncIterator<B> | undefined;
  #restarts = 0;

  constructor(loader: L & AsyncIterable<B>, options: RepeatingLoaderOptions = {}) {
    this.loader = loader;
    this.#parity = options.parity ?? false;
  }

  /** Number of restarts. */
  get restarts(): number {
    return this.#restarts;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws {@link EmptyLoaderError} if the loader yields no batch at all, because the loop would never end. */
  async next(): Promise<IteratorResult<B>> {
    this.#iterator ??= this.loader[Symbol.asyncIterator]();
    const batch = await this.#iterator.next();
    if (!batch.done) return batch;
    this.#iterator = this.#restart();
    const first = await this.#iterator.next();
    if (first.done && !this.#parity) throw this.#empty();
    return first;
  }

  /** Leaving a loop ends the iteration of the loader; the next loop starts the next epoch. */
  async return(): Promise<IteratorResult<B>> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    await iterator?.return?.();
    return { done: true, value: undefined };
  }

  /** The state of the loader; see its own `stateDict`. */
  stateDict(): JsonObject | undefined {
    return this.loader.stateDict?.();
  }

  loadStateDict(state: JsonObject): void {
    this.#iterator = undefined;
    this.loader.loadStateDict?.(state);
  }

  async close(): Promise<void> {
    await this.return();
    await this.loader.close?.();
  }

  #restart(): AsyncIterator<B> {
    this.#restarts += 1;
    if (!this.#parity && this.loader.epoch === undefined) this.loader.setEpoch?.(this.#restarts);
    return this.loader[Symbol.asyncIterator]();
  }

  #empty(): EmptyLoaderError {
    return new EmptyLoaderError('The loader yields no batch, so repeating it would never end', {
      next: 'Is the dataset empty, or smaller than one batch with dropLast?',
    });
  }
}
