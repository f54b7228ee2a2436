import { ConfigError } from '../core/errors.js';
import { lastOf } from '../core/last-of.js';
import { interleave } from './interleave.js';
import { orderKey } from './order-key.js';
import { PermutedPasses } from './permuted-passes.js';

/** The order in which something is read, pass after pass. */
export interface PassOrder {
  /** The index at a position. */
  at(position: number): number;
  /** Positions of an index in `start … end - 1`, ascending. */
  positionsOf(index: number, start: number, end: number): Iterable<number>;
}

/** When new samples come: with the next pass, or among the rest of the pass under way. */
export type GrowthMode = 'after' | 'interleaved';

/** Samples that are added at the end of a source, once `count` samples were drawn from it. */
export interface Growth {
  readonly count: number;
  /** Samples of the source from there on. */
  readonly length: number;
  readonly mode: GrowthMode;
}

/** Whole passes over one length. */
interface Span {
  /** Samples drawn before it, and the number of its first pass. */
  readonly count: number;
  readonly pass: number;
  readonly length: number;
  /** Positions count from pass 0. */
  readonly order: PassOrder;
}

/** The order of a source in its passes: `0, 1, 2, …`, or permuted by keys. */
export type OrderOfLength = (length: number, name: string) => PassOrder;

/**
 * An endless order over a source that grows: pass after pass, each in its own order. The pass under way keeps its order when the source
 * grows, so no sample is lost or repeated. The new samples come from the next pass on, or evenly among the rest of this one.
 *
 * @remarks O(log growths) for a position.
 */
export class GrownPasses implements PassOrder {
  readonly #orderOf: OrderOfLength;
  readonly #spans: Span[] = [];

  /**
   * @param length - Samples at first.
   * @param growths - By ascending count.
   */
  constructor(length: number, growths: readonly Growth[], orderOf: OrderOfLength) {
    this.#orderOf = orderOf;
    this.#spans.push({ count: 0, pass: 0, length, order: orderOf(length, '') });
    for (const growth of growths) this.#grow(growth);
  }

  at(position: number): number {
    const span = this.#spanAt(position);
    return span.order.at(position - span.count + span.pass * span.length);
  }

  *positionsOf(index: number, start: number, end: number): Generator<number> {
    for (const [k, { count, pass, length, order }] of this.#spans.entries()) {
      const [first, last] = [Math.max(start, count), Math.min(end, this.#spans[k + 1]?.count ?? end)];
      if (first >= last || index >= length) continue;
      const shift = pass * length - count;
      for (const position of order.positionsOf(index, first + shift, last + shift)) yield position - shift;
    }
  }

  /** The pass of a position, and how many of its samples come before. */
  placeOf(position: number): { readonly pass: number; readonly position: number } {
    const { count, pass, length } = this.#spanAt(position);
    if (length === 0) return { pass, position: 0 };
    const passes = Math.floor((position - count) / length);
    const before = position - count - passes * length;
    return { pass: pass + passes, position: before };
  }

  #spanAt(position: number): Span {
    return lastOf(this.#spans, ({ count }) => count <= position);
  }

  #grow({ count, length, mode }: Growth): void {
    const last = lastOf(this.#spans);
    const order = this.#orderOf(length, '');
    if (count < last.count && mode === 'interleaved') {
      const message =
        "has new samples already that come with its next pass: more can only come with them ('after')";
      throw new ConfigError('A source', [{ field: 'newSamples', message }]);
    }
    if (count <= last.count) {
      // The source has grown before, and no pass of that length has begun.
      this.#spans[this.#spans.length - 1] = { ...last, length, order };
      return;
    }
    const { pass, position } = last.length === 0 ? { pass: 0, position: 0 } : this.placeOf(count);
    const rest = position === 0 ? 0 : last.length - position;
    const added = rest > 0 && mode === 'interleaved' ? length - last.length : 0;
    if (added > 0) {
      const mixed = this.#mixed(last, pass, position, added);
      this.#spans.push({ count: count - position, pass, length, order: mixed });
    }
    const next = rest === 0 ? pass : pass + 1;
    this.#spans.push({ count: count + rest + added, pass: next, length, order });
  }

  /** The pass under way from a position on, with new samples evenly among the rest. */
  #mixed({ length, order: old }: Span, pass: number, position: number, added: number): PassOrder {
    const rest = length - position;
    const merged = interleave(rest, added);
    const news = this.#orderOf(added, `added in pass ${pass}`);
    const [start, first] = [pass * (length + added), pass * length];
    return {
      at(at) {
        const place = at - start;
        if (place < position) return old.at(first + place);
        const { isAdded, count } = merged.at(place - position);
        return isAdded ? length + news.at(count) : old.at(first + position + count);
      },
      *positionsOf(index, from, to) {
        const isAdded = index >= length;
        const [found] = isAdded
          ? news.positionsOf(index - length, 0, added)
          : old.positionsOf(index, first, first + length);
        const place = isAdded ? found! + position : found! - first;
        const at =
          start + (place < position ? place : position + merged.positionOf(isAdded, place - position));
        if (at >= from && at < to) yield at;
      },
    };
  }
}

/** Orders of a source by key, or `0, 1, 2, …` in each pass. */
export function sourceOrders(seed: number, shuffle: boolean, name: string): OrderOfLength {
  return (length, part) =>
    shuffle
      ? new PermutedPasses(length, (pass) => orderKey(seed, pass, part ? `${name} ${part}` : name))
      : sequentialPasses(length);
}

function sequentialPasses(length: number): PassOrder {
  return {
    at: (place) => place % length,
    *positionsOf(index, start, end) {
      for (let place = Math.floor(start / length) * length + index; place < end; place += length)
        if (place >= start) yield place;
    },
  };
}
