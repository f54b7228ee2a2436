import * as v from 'valibot';
import { CapabilityError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { Sampler } from '../core/sampler.js';
import type { Sighting, WhenSeenOptions } from '../core/sighting.js';
import type { DrawnOrder } from './drawn-order.js';
import { type IndexOrder, OrderIterator } from './index-order.js';
import { epochsOf, type ResolvedWhenSeen, resolveWhenSeen, sightingsAt } from './when-seen.js';

const epochSchema = v.strictObject({ epoch: integerFrom(0) });

/** The base of the built-in samplers: the epoch, the start position, and the iteration of computed and drawn orders. */
export abstract class EpochSampler implements Sampler {
  /** Returns the state of a drawn order, from which another process continues. A computed order has no state. */
  readonly stateDict: (() => JsonObject) | undefined;
  readonly loadStateDict: ((state: JsonObject) => void) | undefined;
  readonly #drawn: DrawnOrder | undefined;
  #epoch = 0;
  #start: number | undefined;

  /** @param drawn - The order, if {@link EpochSampler.order} does not compute it. */
  constructor(drawn?: DrawnOrder) {
    this.#drawn = drawn;
    this.stateDict = drawn && (() => drawn.state(this.#epoch));
    this.loadStateDict = drawn && ((state) => drawn.load(state));
  }

  readonly seekable = true;
  readonly deterministic = true;
  /** Whether the global batches are the same for every world size. */
  abstract readonly elastic: boolean;
  abstract readonly length: number;
  abstract fingerprint(): string;
  /** Indices per global batch, if the order depends on it. */
  readonly batchSize?: number;

  /** Computes the order of an epoch. */
  protected abstract order(epoch: number): IndexOrder;

  /** The order of an epoch. @internal @throws {@link CapabilityError} if a generator draws it */
  orderOf(epoch: number): IndexOrder {
    return this.order(epoch);
  }

  /** The epoch of the next iteration; only `setEpoch` changes it. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Selects the epoch of the next iteration. @throws {@link ConfigError} unless it is a whole number of 0 or more. */
  setEpoch(epoch: number): void {
    this.#epoch = parseOptions(`${this.constructor.name}.setEpoch`, epochSchema, { epoch }).epoch;
    this.#drawn?.enterEpoch(epoch);
  }

  /**
   * Makes the next iteration, and only that one, begin at `position`.
   *
   * @throws {@link ConfigError} unless the position is in `0 … length`.
   */
  seek(position: number): void {
    const upToEnd = v.pipe(
      integerFrom(0),
      v.maxValue(this.length, `must be at most the length, ${this.length}`),
    );
    parseOptions(`${this.constructor.name}.seek`, v.strictObject({ position: upToEnd }), { position });
    this.#start = position;
  }

  /**
   * Returns every occurrence of a sample in some epochs: epoch, step, micro-batch, rank and slot, in order.
   *
   * @throws {@link IndexRangeError} if there is no such sample; {@link CapabilityError} if a generator draws the order,
   * which is known only by drawing; {@link ConfigError} naming the option at fault.
   * @remarks O(1) per epoch; O(n) for independent draws (`replacement`, weights).
   */
  whenSeen(sample: number, options: WhenSeenOptions = {}): Sighting[] {
    const { name } = this.constructor;
    if (this.#drawn) {
      throw new CapabilityError(
        `${name} draws its order from a generator: when a sample comes is known by drawing`,
        {
          where: { stage: name },
          next: 'Leave out the generator; the order is then computed from a seed.',
        },
      );
    }
    const { batchSize } = this;
    return [
      ...this.sightings(sample, resolveWhenSeen(name, { ...(batchSize && { batchSize }), ...options })),
    ];
  }

  protected *sightings(sample: number, options: ResolvedWhenSeen): Generator<Sighting> {
    for (const epoch of epochsOf(options)) {
      const order = this.order(epoch);
      yield* sightingsAt(order.positionsOf(sample), epoch, order.length, options);
    }
  }

  [Symbol.iterator](): IterableIterator<number> {
    const start = this.#start;
    this.#start = undefined;
    return this.#drawn?.pass(this.#epoch, start) ?? new OrderIterator(this.order(this.#epoch), start ?? 0);
  }
}
