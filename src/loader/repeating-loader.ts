import { EmptyLoaderError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';

/** What can be repeated: any async iterable. */
export interface Repeatable<B> extends AsyncIterable<B> {
  /** The epoch that the next iteration gives. A loader that has it advances by itself. */
  readonly epoch?: number;
  /** Called before each restart of a loader without `epoch`. */
  setEpoch?(epoch: number): void;
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
  close?(): Promise<void>;
}

export interface RepeatingLoaderOptions {
  /** Whether to do as DeepSpeed does: never tell the loader its epoch, and end when a restart gives nothing. @defaultValue `false` */
  readonly parity?: boolean;
}

/**
 * Never ends: when the loader has no more batches it begins again, at the next epoch. DeepSpeed's `RepeatingLoader`,
 * with the epoch advanced at each restart and nothing begun before the first batch is asked for.
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

  /** How often the loader has begun again. */
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

  /** Leaving a loop ends the iteration of the loader; the next loop begins the next epoch. */
  async return(): Promise<IteratorResult<B>> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    await iterator?.return?.();
    return { done: true, value: undefined };
  }

  /** Where the loader stands; see its own `stateDict`. */
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
    return new EmptyLoaderError('The loader gives no batch, so repeating it would never end', {
      next: 'Is the dataset empty, or smaller than one batch with dropLast?',
    });
  }
}
