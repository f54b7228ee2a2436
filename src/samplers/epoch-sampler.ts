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

/** What the samplers here share: the epoch, the position to begin at, and how the two kinds of order are gone through. */
export abstract class EpochSampler implements Sampler {
  /** Where a drawn order stands, so that it can go on in another process. A computed order needs none. */
  readonly stateDict: (() => JsonObject) | undefined;
  readonly loadStateDict: ((state: JsonObject) => void) | undefined;
  readonly #drawn: DrawnOrder | undefined;
  #epoch = 0;
  #start: number | undefined;

  /** @param drawn - The order, where it is not computed by {@link EpochSampler.order}. */
  constructor(drawn?: DrawnOrder) {
    this.#drawn = drawn;
    this.stateDict = drawn && (() => drawn.state(this.#epoch));
    this.loadStateDict = drawn && ((state) => drawn.load(state));
  }

  readonly seekable = true;
  readonly deterministic = true;
  /** Whether the global batches are the same for any world size. */
  abstract readonly elastic: boolean;
  abstract readonly length: number;
  abstract fingerprint(): string;
  /** Indices a global batch, where the order depends on it. */
  readonly batchSize?: number;

  /** The order of an epoch, computed. */
  protected abstract order(epoch: number): IndexOrder;

  /** The epoch whose order the next iteration gives; only `setEpoch` changes it. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Selects the epoch whose order the next iteration gives. @throws {@link ConfigError} unless it is whole and 0 or more. */
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
   * Every time that a sample is seen in some epochs: epoch, step, micro-batch, rank and slot, in the order in which they come.
   *
   * @throws {@link IndexRangeError} for a sample that is not there; {@link CapabilityError} where a generator draws the
   *   order, which is then known only by drawing; {@link ConfigError} naming the option at fault.
   * @remarks Computed without a walk: O(1) an epoch. Only independent draws (`replacement`, weights) are looked through.
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
