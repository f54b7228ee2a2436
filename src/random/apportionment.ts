import { ConfigError } from '../core/errors.js';

/** From slot `start` on these parts have these weights; parts that are not named keep theirs, 0 at first. */
export interface ShareChange {
  /** The first slot that it concerns. */
  readonly start: number;
  readonly weights: Iterable<readonly [part: number, weight: number]>;
}

/** Told of the slots that one part gets: `slots[from … to - 1]`, of which the first is the part's `first`-th, from 0. */
export type OnPart = (part: number, first: number, slots: Int32Array, from: number, to: number) => void;

/** Shares are multiples of 2^-40, so that splitting is exact in doubles: a share is off by 2^-41 at most. */
const one = 2 ** 40;
const perUnit = 1 / one;

/** A slot count is multiplied by a share 12 bits at a time: every intermediate result is below 2^53. */
const digit = 2 ** 12;

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
  readonly #firstLeaf: number;
  /** Inner nodes, from 1; the children of node i are 2i and 2i + 1. */
  readonly #splits: Split[];
  /** Weight of each node. */
  readonly #weight: Float64Array;
  /** Exact share of each node in the slots up to the change of its weight, and {@link #perWeight} at that change. */
  readonly #exact: Float64Array;
  readonly #perWeightThen: Float64Array;
  /** Exact slots a unit of weight up to the last change, had it been there from the start. */
  #perWeight = 0;
  #lastChange = 0;
  #slots = new Int32Array(0);
  #spare = new Int32Array(0);

  /**
   * @param parts - 1 or more.
   * @param changes - By ascending start; the first at 0.
   * @throws {@link ConfigError} for weights that are negative, not finite or all 0, and for starts that do not ascend.
   */
  constructor(parts: number, changes: Iterable<ShareChange>) {
    this.parts = parts;
    this.#firstLeaf = 2 ** Math.ceil(Math.log2(parts));
    this.#splits = Array.from({ length: this.#firstLeaf }, () => new Split());
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
   * @param visit - Gets slot numbers that count from `start`, ascending. The array is used again.
   * @remarks O(length · log parts), which is a few nanoseconds a slot and level.
   */
  deal(start: number, length: number, visit: OnPart): void {
    if (this.#slots.length < length) {
      this.#slots = new Int32Array(length);
      this.#spare = new Int32Array(length);
    }
    for (let i = 0; i < length; i++) this.#slots[i] = i;
    this.#dealNode(1, start, 0, length, this.#slots, this.#spare, visit);
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

  /** Level by level the slots move from one array to the other. */
  #dealNode(
    node: number,
    first: number,
    from: number,
    to: number,
    slots: Int32Array,
    spare: Int32Array,
    visit: OnPart,
  ): void {
    if (from === to) return;
    if (node >= this.#firstLeaf) {
      visit(node - this.#firstLeaf, first, slots, from, to);
      return;
    }
    const split = this.#splits[node]!;
    const left = split.leftOf(first);
    const middle = from + split.leftOf(first + to - from) - left;
    split.divide(first, slots, spare, from, to, middle);
    this.#dealNode(2 * node, left, from, middle, spare, slots, visit);
    this.#dealNode(2 * node + 1, first - left, middle, to, spare, slots, visit);
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

/** How a node divides from one change on. */
interface SplitStart {
  /** Slots that had reached the node by then. */
  readonly count: number;
  /** How many of them the left half had got. */
  readonly left: number;
  /** The left half's part, `0 … 1`. */
  readonly share: number;
  /** What the left half lacks of its exact share of those slots; negative where it had too many. */
  readonly ahead: number;
}

/** How a node divides the slots that reach it, over all changes. */
class Split {
  /** For each change: see {@link SplitStart}; the share in units, and what the left half is owed, whole and in units. */
  readonly #count: number[] = [];
  readonly #left: number[] = [];
  readonly #right: number[] = [];
  readonly #share: number[] = [];
  readonly #owedWhole: number[] = [];
  readonly #owedUnits: number[] = [];
  /** A product, in whole slots and units. */
  #whole = 0;
  #units = 0;

  add({ count, left, share, ahead }: SplitStart): void {
    const inside = share > 0 && share < 1;
    // Rounded to the nearest: half a slot is owed to begin with.
    const owed = inside ? ahead + 0.5 : 0;
    const owedWhole = Math.floor(owed);
    this.#count.push(count);
    this.#left.push(left);
    this.#right.push(count - left);
    this.#share.push(inside ? Math.min(Math.max(Math.round(share * one), 1), one - 1) : share * one);
    this.#owedWhole.push(owedWhole);
    this.#owedUnits.push(Math.min(Math.floor((owed - owedWhole) * one), one - 1));
  }

  /** How many of the first `count` slots go left. */
  leftOf(count: number): number {
    const change = lastUpTo(this.#count, count);
    return change < 0 ? 0 : this.#left[change]! + this.#since(change, count - this.#count[change]!);
  }

  /** The slot that is the `count`-th of one half, from 0. */
  slotOf(count: number, isLeft: boolean): number | undefined {
    const befores = isLeft ? this.#left : this.#right;
    const change = lastUpTo(befores, count);
    if (change < 0) return undefined;
    const before = befores[change]!;
    const wanted = count - before + 1;
    const given = (slots: number): number => {
      const left = this.#since(change, slots);
      return isLeft ? left : slots - left;
    };
    let high = wanted;
    for (; given(high) < wanted; high *= 2) if (high > Number.MAX_SAFE_INTEGER) return undefined;
    let low = wanted;
    while (low < high) {
      // The sum of both may be past 2^53.
      const middle = low + Math.floor((high - low) / 2);
      if (given(middle) < wanted) low = middle + 1;
      else high = middle;
    }
    return this.#count[change]! + low - 1;
  }

  /**
   * Sorts slots that reach the node, of which the first is its `first`-th, into `target`: those that go left from `from` on, the others
   * from `middle` on.
   */
  divide(
    first: number,
    slots: Int32Array,
    target: Int32Array,
    from: number,
    to: number,
    middle: number,
  ): void {
    let lefts = from;
    for (let done = from; done < to; ) {
      const reached = first + done - from;
      const change = lastUpTo(this.#count, reached);
      const next = this.#count[change + 1] ?? Number.POSITIVE_INFINITY;
      const end = Math.min(to, done + digit, done + next - reached);
      const since = reached - this.#count[change]!;
      const left = this.#since(change, since);
      const rights = middle + done - lefts;
      const share = this.#share[change]!;
      lefts =
        this.#owedWhole[change] === 0
          ? divideEvenly(slots, target, done, end, lefts, rights, this.#units, share)
          : this.#catchUp(slots, target, done, end, lefts, rights, { since, left, share });
      done = end;
    }
  }

  /** Divides where a half has too much or too little by a slot or more; the product is that of the first slot. */
  #catchUp(
    slots: Int32Array,
    target: Int32Array,
    from: number,
    to: number,
    lefts: number,
    rights: number,
    { since, left, share }: { readonly since: number; readonly left: number; readonly share: number },
  ): number {
    let given = left;
    for (let k = from; k < to; k++) {
      this.#units += share;
      if (this.#units >= one) {
        this.#units -= one;
        this.#whole += 1;
      }
      const now = clamped(this.#whole, since + k - from + 1);
      if (now > given) target[lefts++] = slots[k]!;
      else target[rights++] = slots[k]!;
      given = now;
    }
    return lefts;
  }

  /** How many of the first `slots` slots since a change go left; leaves the product that says so. */
  #since(change: number, slots: number): number {
    const share = this.#share[change]!;
    let whole = 0;
    let units = 0;
    let scale = 1;
    while (scale * digit <= slots) scale *= digit;
    for (let rest = slots; scale >= 1; scale /= digit) {
      const top = Math.floor(rest / scale);
      rest -= top * scale;
      const sum = units * digit + share * top;
      const carry = Math.floor(sum / one);
      whole = whole * digit + carry;
      units = sum - carry * one;
    }
    units += this.#owedUnits[change]!;
    const carry = units >= one ? 1 : 0;
    this.#whole = whole + carry + this.#owedWhole[change]!;
    this.#units = units - carry * one;
    return clamped(this.#whole, slots);
  }
}

/**
 * Divides at most 2^12 slots by a share alone: a slot goes left whenever the sum of shares passes a whole number. Sums are of
 * multiples of 2^-40 up to 2^12, so exact in doubles. The place is calculated, since a branch would be guessed wrong half the time.
 */
function divideEvenly(
  slots: Int32Array,
  target: Int32Array,
  from: number,
  to: number,
  lefts: number,
  rights: number,
  units: number,
  share: number,
): number {
  const step = share * perUnit;
  let sum = units * perUnit;
  let before = 0;
  for (let k = from; k < to; k++) {
    sum += step;
    const given = sum | 0;
    const goesLeft = given - before;
    before = given;
    target[rights + ((lefts - rights) & -goesLeft)] = slots[k]!;
    lefts += goesLeft;
    rights += 1 - goesLeft;
  }
  return lefts;
}

function clamped(value: number, limit: number): number {
  return value < 0 ? 0 : value > limit ? limit : value;
}

/** The last place whose value, ascending, is at most `limit`; -1 where there is none. */
function lastUpTo(values: readonly number[], limit: number): number {
  // Most often it is the last: the schedule has ended.
  let high = values.length;
  if (high === 0 || values[high - 1]! <= limit) return high - 1;
  let low = 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('Apportionment', [{ field, message }]);
}
