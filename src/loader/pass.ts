// So that the types stand in projects whose own library has no disposables yet.
/// <reference lib="esnext.disposable" preserve="true" />
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import type { Delivered } from './engine/delivered.js';
import type { Delivery } from './engine/delivery.js';
import { LoopTurn } from './engine/loop-turn.js';

/** What a pass asks of its loader. */
export interface PassSteps<B> {
  /** The consumer asks for a batch, or has it: `performance.now()`, or `undefined` when it no longer waits. */
  wait(since: number | undefined): void;
  /** Begins: opens what gives the results. */
  open(): Promise<Delivery>;
  /** Throws when the loader has moved on to another pass. */
  check(): void;
  /** Takes a result: the batch for the consumer, or nothing when there is none in it. */
  take(delivered: Delivered): MaybePromise<{ readonly batch: B } | undefined>;
  /** All batches were delivered. */
  complete(): void;
  /** Something failed; the next pass goes on there. */
  fail(error: unknown): void;
  /** The pass is over, in whatever way. */
  leave(): MaybePromise<void>;
}

type Step<B> = IteratorResult<B, void>;

/**
 * One pass over a loader. As an async generator does, it begins with the first `next`, answers calls one after the other, and
 * is over after an error; unlike one it makes a batch without a turn of the event loop where that is possible.
 */
export class Pass<B> implements AsyncGenerator<B, void, undefined> {
  readonly #steps: PassSteps<B>;
  #delivery: Delivery | undefined;
  #over = false;
  readonly #loopTurn = new LoopTurn();
  /** When the last result came. */
  #lastDelivery = 0;
  /** The step that is not finished yet. */
  #pending: Promise<unknown> | undefined;

  constructor(steps: PassSteps<B>) {
    this.#steps = steps;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step<B>> {
    return this.#enqueue(this.#advance);
  }

  /** Ends the pass where it is. */
  return(): Promise<Step<B>> {
    return this.#enqueue(this.#stop);
  }

  async throw(error: unknown): Promise<Step<B>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #enqueue(step: () => MaybePromise<Step<B>>): Promise<Step<B>> {
    const result = this.#pending ? this.#pending.then(step, step) : step();
    if (!(result instanceof Promise)) return Promise.resolve(result);
    this.#pending = result;
    const finished = (): void => {
      if (this.#pending === result) this.#pending = undefined;
    };
    result.then(finished, finished);
    return result;
  }

  readonly #advance = (): MaybePromise<Step<B>> => {
    if (this.#over) return { done: true, value: undefined };
    try {
      const step = this.#delivery ? this.#pullInTurn(this.#delivery) : this.#begin();
      return step instanceof Promise ? step.catch(this.#fail) : step;
    } catch (error) {
      return this.#fail(error);
    }
  };

  readonly #stop = (): MaybePromise<Step<B>> => {
    if (this.#over) return { done: true, value: undefined };
    return this.#end();
  };

  async #begin(): Promise<Step<B>> {
    const asked = performance.now();
    this.#steps.wait(asked);
    this.#delivery = await this.#steps.open();
    return this.#pull(this.#delivery, asked);
  }

  #pullInTurn(delivery: Delivery): MaybePromise<Step<B>> {
    if (!this.#loopTurn.isDue(this.#lastDelivery)) return this.#pull(delivery);
    return this.#loopTurn.take().then(() => this.#pull(delivery));
  }

  /** @param waitingSince - When the consumer asked, where it has waited already. */
  #pull(delivery: Delivery, waitingSince?: number): MaybePromise<Step<B>> {
    this.#steps.check();
    const next = delivery.next(waitingSince);
    if (next instanceof Promise) this.#steps.wait(waitingSince ?? performance.now());
    return andThen(next, (delivered) => {
      if (!delivered) {
        this.#steps.complete();
        return this.#end();
      }
      this.#lastDelivery = delivered.at;
      return andThen(this.#steps.take(delivered), (taken) =>
        taken ? { done: false, value: taken.batch } : this.#pull(delivery),
      );
    });
  }

  readonly #fail = async (error: unknown): Promise<never> => {
    this.#steps.fail(error);
    await this.#end();
    throw error;
  };

  #end(): MaybePromise<Step<B>> {
    this.#over = true;
    this.#steps.wait(undefined);
    this.#delivery?.end();
    return andThen(this.#steps.leave(), (): Step<B> => ({ done: true, value: undefined }));
  }
}
