import { ConfigError } from '../core/errors.js';
import { SlotSplit } from './slot-split.js';

/** From slot `start` on these parts have these weights; parts that are not named keep theirs, 0 at first. */
export interface ShareChange {
  /** The first slot that it concerns. */
  readonly start: number;
  readonly weights: Iterable<readonly [part: number, weight: number]>;
}

/** Told of the slots that one part gets: those at `from … to - 1`, of which the first is the part's `first`-th, from 0. */
export type OnPart = (part: number, first: number, from: number, to: number) => void;

/**
 * Deals numbered slots to parts by weight: which part gets slot t, and how many slots a part has had by then, are computed,
 * not drawn and not stored.
 *
 * A balanced binary tree stands over the parts, and each node divides the n slots that reach it: the left half gets its exact
 * share of n, rounded to the nearest whole number, the right half the rest. So the counts of parts only grow, always add up
 * to the slots, and are within `log2(parts) + 1` of the exact shares at every slot. Where weights change, every node
 * concerned goes on from the counts it has; what its halves then have too much or too little of is made up for as soon as
 * the new shares allow. A part without weight gets nothing.
 *
 * In the terms of the literature this is an apportionment that is house monotone (Balinski and Young, Fair Representation,
 * 1982), made from divisions in two as in the tree of a van der Corput sequence, which is the case of equal weights.
 *
 * @remarks O(log parts · log changes) time for one slot; O(changes · log parts) memory where each change concerns one part.
 */
export class Apportionment {
  readonly parts: number;
  readonly #levels: number;
  readonly #firstLeaf: number;
  /** Inner nodes, from 1; the children of node i are 2i and 2i + 1. */
  readonly #splits: SlotSplit[];
  /** Weight of each node. */
  readonly #weight: Float64Array;
  /** Exact share of each node in the slots up to the change of its weight, and {@link #perWeight} at that change. */
  readonly #exact: Float64Array;
  readonly #perWeightThen: Float64Array;
  /** Exact slots a unit of weight up to the last change, had it been there from the start. */
  #perWeight = 0;
  #lastChange = 0;
  #slots = new Int32Array(0);

  /**
   * @param parts - 1 or more.
   * @param changes - By ascending start; the first at 0.
   * @throws {@link ConfigError} for weights that are negative, not finite or all 0, and for starts that do not ascend.
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

  /** How many of the first `slots` slots each part gets. O(parts). */
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

  /** How many of the first `slots` slots a part gets. O(log parts). */
  countOf(part: number, slots: number): number {
    return this.#countAt(this.#firstLeaf + part, slots);
  }

  /** Which part gets a slot, and as its how many-th, from 0. O(log parts). */
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
   * Deals slots `start … start + length - 1`, part by part, in the order of the parts; those that get none are left out.
   *
   * @returns The slots, part by part, each part's ascending, as numbers that count from `start`. The array may be longer, and is
   *   used again.
   * @remarks O(length · log parts), which is a few nanoseconds a slot and level.
   */
  deal(start: number, length: number, visit: OnPart): Int32Array {
    if (this.#slots.length < 2 * length) this.#slots = new Int32Array(2 * length);
    const slots = this.#slots;
    // Level by level the slots move from one half of the array to the other; after the last one they are in the first.
    const from = this.#levels % 2 === 0 ? 0 : length;
    for (let i = 0; i < length; i++) slots[from + i] = i;
    this.#dealNode(1, start, from, from + length, from === 0 ? length : -length, visit);
    return slots;
  }

  /** The slot that is a part's `count`-th, from 0; `undefined` where the part never gets so many. */
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

  /** Deals the slots that reach a node, of which the first is its `first`-th; its children get them `shift` places further on. */
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
    if (!startsRight) throw problem('start', `must ascend from 0, and ${start} follows ${this.#lastChange}`);
    const changed = new Map<number, number>();
    for (const [part, weight] of weights) {
      if (!(Number.isInteger(part) && part >= 0 && part < this.parts))
        throw problem('part', `must be among ${this.parts}, not ${part}`);
      if (!(weight >= 0 && Number.isFinite(weight)))
        throw problem(`weights.${part}`, `must be 0 or more and finite, not ${weight}`);
      changed.set(this.#firstLeaf + part, weight);
    }
    if (!isFirst) this.#perWeight += (start - this.#lastChange) / this.#weight[1]!;
    this.#lastChange = start;
    const concerned = new Set<number>();
    for (const leaf of changed.keys()) for (let node = leaf; node >= 1; node >>>= 1) concerned.add(node);
    this.#update(1, start, changed, concerned);
    if (this.#weight[1] === 0) throw problem('weights', `must not all be 0 from slot ${start} on`);
  }

  /** Brings a node that got `count` slots so far, and those below it, up to the change. */
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
    split.add({ count, left, share, ahead: share * (count - exact) - (left - exactLeft) });
  }

  /** The exact share of a node at the last change. */
  #exactOf(node: number): number {
    return this.#exact[node]! + this.#weight[node]! * (this.#perWeight - this.#perWeightThen[node]!);
  }
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('Apportionment', [{ field, message }]);
}
