import { ConfigError } from '../core/errors.js';
import { SlotSplit } from './slot-split.js';

/** New weights from slot `start` on. Parts that are not listed keep theirs, initially 0. */
export interface ShareChange {
  /** First slot with the new weights. */
  readonly start: number;
  readonly weights: Iterable<readonly [part: number, weight: number]>;
}

/**
 * Receives the slots of one part: elements `from … to - 1` of the returned array. `first` is the part's ordinal of
 * the first one, from 0.
 */
export type OnPart = (part: number, first: number, from: number, to: number) => void;

/**
 * Assigns numbered slots to parts by weight. The part that owns slot t, and the number of slots a part owns before t,
 * are computed, neither drawn nor stored.
 *
 * The parts are the leaves of a balanced binary tree. Each node divides the n slots that reach it: the left half gets
 * its exact share of n, rounded to the nearest integer, the right half the rest. So a part's count never falls,
 * counts add up to the slots, and at every slot they are within `log2(parts) + 1` of the exact shares. When weights
 * change, every affected node continues from its current counts, and corrects any surplus or deficit of its halves as
 * fast as the new shares allow. A part with weight 0 gets no slots.
 *
 * In the literature's terms this is a house-monotone apportionment (Balinski and Young, Fair Representation, 1982) by
 * repeated bisection. With equal weights it is the tree of a van der Corput sequence.
 *
 * @remarks O(log parts · log changes) time per slot; O(changes · log parts) memory if each change affects one part.
 */
export class Apportionment {
  readonly parts: number;
  readonly #levels: number;
  readonly #firstLeaf: number;
  /** Inner nodes, from 1; the children of node i are 2i and 2i + 1. */
  readonly #splits: SlotSplit[];
  /** Weight of each node. */
  readonly #weight: Float64Array;
  /**
   * Exact share of each node in the slots before the last change of its weight, and {@link #perWeight} at that
   * change.
   */
  readonly #exact: Float64Array;
  readonly #perWeightThen: Float64Array;
  /** Slots that a constant unit of weight would have earned from slot 0 to the last change. */
  #perWeight = 0;
  #lastChange = 0;
  #slots = new Int32Array(0);

  /**
   * @param parts - 1 or more.
   * @param changes - Sorted by start; the first starts at 0.
   * @throws {@link ConfigError} if a weight is negative or not finite, all weights are 0, or starts do not ascend.
   */
  constructor(parts: number, changes: Iterable<ShareChange>) {
    this.parts = parts;
    this.#levels = Math.ceil(Math.log2(parts));
    this.#firstLeaf = 2 ** this.#levels;
    this.#splits = Array.from({ length: this.#firstLeaf }, () => new SlotSplit());
    this.#weight = new Float64Array(2 * this.#firstLeaf);
    this.#exact = new Float64Array(2 * this.#firstLeaf);
    this.#perWeightThen = new Float64Array(2 * this.#firstLeaf);
    for (const change of changes) this.#change(change);
  }

  /** Number of the first `slots` slots that each part owns. O(parts). */
  counts(slots: number): Float64Array {
    const counts = new Float64Array(2 * this.#firstLeaf);
    counts[1] = slots;
    for (let node = 1; node < this.#firstLeaf; node++) {
      const left = this.#splits[node]!.leftOf(counts[node]!);
      counts[2 * node] = left;
      counts[2 * node + 1] = counts[node]! - left;
    }
    return counts.slice(this.#firstLeaf, this.#firstLeaf + this.parts);
  }

  /** Number of the first `slots` slots that a part owns. O(log parts). */
  countOf(part: number, slots: number): number {
    return this.#countAt(this.#firstLeaf + part, slots);
  }

  /** The part that owns a slot, and the slot's ordinal within it, from 0. O(log parts). */
  at(slot: number): { readonly part: number; readonly count: number } {
    let node = 1;
    let count = slot;
    while (node < this.#firstLeaf) {
      const split = this.#splits[node]!;
      const left = split.leftOf(count);
      const goesLeft = split.leftOf(count + 1) > left;
      count = goesLeft ? left : count - left;
      node = 2 * node + (goesLeft ? 0 : 1);
    }
    return { part: node - this.#firstLeaf, count };
  }

  /**
   * Groups slots `start … start + length - 1` by part and visits the parts in order, except those without slots.
   *
   * @returns The slots relative to `start`, grouped by part and ascending within a part. The array may be longer, and
   *   the next call reuses it.
   * @remarks O(length · log parts), a few nanoseconds per slot and level.
   */
  deal(start: number, length: number, visit: OnPart): Int32Array {
    if (this.#slots.length < 2 * length) this.#slots = new Int32Array(2 * length);
    const slots = this.#slots;
    // Level by level, slots move between the two halves of the array; after the last level they are in the first
    // half.
    const from = this.#levels % 2 === 0 ? 0 : length;
    for (let i = 0; i < length; i++) slots[from + i] = i;
    this.#dealNode(1, start, from, from + length, from === 0 ? length : -length, visit);
    return slots;
  }

  /** The slot with ordinal `count` within a part, from 0; `undefined` if the part never owns that many. */
  slotOf(part: number, count: number): number | undefined {
    let number: number | undefined = count;
    for (let node = this.#firstLeaf + part; node > 1 && number !== undefined; node >>>= 1) {
      const split = this.#splits[node >>> 1]!;
      number = split.slotOf(number, node % 2 === 0);
    }
    return number;
  }

  #countAt(node: number, slots: number): number {
    if (node === 1) return slots;
    const parent = this.#countAt(node >>> 1, slots);
    const left = this.#splits[node >>> 1]!.leftOf(parent);
    return node % 2 === 0 ? left : parent - left;
  }

  /**
   * Divides the slots that reach a node, of which the first has ordinal `first`; its children's slots are written
   * `shift` elements further on.
   */
  #dealNode(node: number, first: number, from: number, to: number, shift: number, visit: OnPart): void {
    if (from === to) return;
    if (node >= this.#firstLeaf) {
      visit(node - this.#firstLeaf, first, from, to);
      return;
    }
    const split = this.#splits[node]!;
    const left = split.leftOf(first);
    const lefts = from + shift;
    const rights = lefts + split.leftOf(first + to - from) - left;
    split.divide(first, this.#slots, from, to, lefts, rights);
    this.#dealNode(2 * node, left, lefts, rights, -shift, visit);
    this.#dealNode(2 * node + 1, first - left, rights, to + shift, -shift, visit);
  }

  #change({ start, weights }: ShareChange): void {
    const isFirst = this.#weight[1] === 0;
    const startsRight = isFirst ? start === 0 : start >= this.#lastChange && Number.isSafeInteger(start);
    if (!startsRight)
      throw problem('start', `must start at 0 and ascend, but ${start} follows ${this.#lastChange}`);
    const changed = new Map<number, number>();
    for (const [part, weight] of weights) {
      if (!(Number.isInteger(part) && part >= 0 && part < this.parts))
        throw problem('part', `must be below ${this.parts}, the number of parts, not ${part}`);
      if (!(weight >= 0 && Number.isFinite(weight)))
        throw problem(`weights.${part}`, `must be 0 or more and finite, not ${weight}`);
      changed.set(this.#firstLeaf + part, weight);
    }
    if (!isFirst) this.#perWeight += (start - this.#lastChange) / this.#weight[1]!;
    this.#lastChange = start;
    const concerned = new Set<number>();
    for (const leaf of changed.keys()) for (let node = leaf; node >= 1; node >>>= 1) concerned.add(node);
    this.#update(1, start, changed, concerned);
    if (this.#weight[1] === 0) throw problem('weights', `must not all be 0, but are from slot ${start} on`);
  }

  /** Updates a node that has received `count` slots so far, and its descendants, for the change. */
  #update(
    node: number,
    count: number,
    changed: ReadonlyMap<number, number>,
    concerned: ReadonlySet<number>,
  ): void {
    const exact = node === 1 ? count : this.#exactOf(node);
    if (concerned.has(node)) {
      this.#exact[node] = exact;
      this.#perWeightThen[node] = this.#perWeight;
    }
    if (node >= this.#firstLeaf) {
      this.#weight[node] = changed.get(node) ?? this.#weight[node]!;
      return;
    }
    const split = this.#splits[node]!;
    const left = split.leftOf(count);
    const exactLeft = this.#exactOf(2 * node);
    if (concerned.has(2 * node)) this.#update(2 * node, left, changed, concerned);
    if (concerned.has(2 * node + 1)) this.#update(2 * node + 1, count - left, changed, concerned);
    const [leftWeight, rightWeight] = [this.#weight[2 * node]!, this.#weight[2 * node + 1]!];
    const weight = leftWeight + rightWeight;
    this.#weight[node] = weight;
    const share = weight === 0 ? 0 : leftWeight / weight;
    split.add({ count, left, share, deficit: share * (count - exact) - (left - exactLeft) });
  }

  /** The exact share of a node at the last change. */
  #exactOf(node: number): number {
    return this.#exact[node]! + this.#weight[node]! * (this.#perWeight - this.#perWeightThen[node]!);
  }
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('Apportionment', [{ field, message }]);
}
