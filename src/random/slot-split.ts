/** Shares are multiples of 2^-40, so that splitting is exact in doubles: a share is off by 2^-41 at most. */
const one = 2 ** 40;
const perUnit = 1 / one;

/** A slot count is multiplied by a share 12 bits at a time, so that every intermediate result is below 2^53. */
const digit = 2 ** 12;

/** How a node divides slots after a change. */
interface SplitStart {
  /** Slots that had reached the node before the change. */
  readonly count: number;
  /** Slots of the left half before the change. */
  readonly left: number;
  /** The left half's share, `0 … 1`. */
  readonly share: number;
  /** Deficit of the left half against its exact share before the change; negative for a surplus. */
  readonly deficit: number;
}

/** Divides the slots that reach a node between its halves, over all changes. */
export class SlotSplit {
  /**
   * One element per change, see {@link SplitStart}: counts, the share in units of 2^-40, and the deficit of the left
   * half as whole slots and units.
   */
  readonly #count: number[] = [];
  readonly #left: number[] = [];
  readonly #right: number[] = [];
  readonly #share: number[] = [];
  readonly #owedWhole: number[] = [];
  readonly #owedUnits: number[] = [];
  /** The last product: whole slots, and units. */
  #whole = 0;
  #units = 0;

  add({ count, left, share, deficit }: SplitStart): void {
    const inside = share > 0 && share < 1;
    // Adding half a slot rounds to the nearest.
    const owed = inside ? deficit + 0.5 : 0;
    const owedWhole = Math.floor(owed);
    this.#count.push(count);
    this.#left.push(left);
    this.#right.push(count - left);
    this.#share.push(inside ? Math.min(Math.max(Math.round(share * one), 1), one - 1) : share * one);
    this.#owedWhole.push(owedWhole);
    this.#owedUnits.push(Math.min(Math.floor((owed - owedWhole) * one), one - 1));
  }

  /** How many of the first `count` slots belong to the left half. */
  leftOf(count: number): number {
    const change = lastUpTo(this.#count, count);
    return change < 0 ? 0 : this.#left[change]! + this.#since(change, count - this.#count[change]!);
  }

  /** The slot with ordinal `count` in one half, from 0. */
  slotOf(count: number, isLeft: boolean): number | undefined {
    const counts = isLeft ? this.#left : this.#right;
    const change = lastUpTo(counts, count);
    if (change < 0) return undefined;
    const before = counts[change]!;
    const wanted = count - before + 1;
    const given = (slots: number): number => {
      const left = this.#since(change, slots);
      return isLeft ? left : slots - left;
    };
    let high = wanted;
    for (; given(high) < wanted; high *= 2) if (high > Number.MAX_SAFE_INTEGER) return undefined;
    let low = wanted;
    while (low < high) {
      // low + high can exceed 2^53.
      const middle = low + Math.floor((high - low) / 2);
      if (given(middle) < wanted) low = middle + 1;
      else high = middle;
    }
    return this.#count[change]! + low - 1;
  }

  /**
   * Moves elements `from … to - 1` of an array: slots of the left half to `lefts` on, the others to `rights` on.
   *
   * @param first - Zero-based ordinal of the first slot within the node.
   */
  divide(first: number, slots: Int32Array, from: number, to: number, lefts: number, rights: number): void {
    let nextLeft = lefts;
    for (let done = from; done < to; ) {
      const reached = first + done - from;
      const change = lastUpTo(this.#count, reached);
      const next = this.#count[change + 1] ?? Number.POSITIVE_INFINITY;
      const end = Math.min(to, done + digit, done + next - reached);
      const since = reached - this.#count[change]!;
      const left = this.#since(change, since);
      const share = this.#share[change]!;
      const nextRight = rights + done - from - (nextLeft - lefts);
      nextLeft =
        this.#owedWhole[change] === 0
          ? divideEvenly(slots, done, end, nextLeft, nextRight, this.#units, share)
          : this.#catchUp(slots, done, end, nextLeft, nextRight, { since, left, share });
      done = end;
    }
  }

  /** Divides slots while a half has a surplus or deficit of a slot or more; the product is that of the first slot. */
  #catchUp(
    slots: Int32Array,
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
      if (now > given) slots[lefts++] = slots[k]!;
      else slots[rights++] = slots[k]!;
      given = now;
    }
    return lefts;
  }

  /** How many of the first `slots` slots since a change belong to the left half; leaves the corresponding product. */
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
 * Divides at most 2^12 slots by the share alone: a slot belongs to the left half whenever the running sum of shares
 * passes an integer. Sums are multiples of 2^-40 below 2^12, so they are exact in doubles. The target offset is
 * computed because a branch would be mispredicted half the time; both targets are in one array because a second array
 * would add a bounds check per slot.
 *
 * @returns The offset after the last slot of the left half.
 */
function divideEvenly(
  slots: Int32Array,
  from: number,
  to: number,
  lefts: number,
  rights: number,
  units: number,
  share: number,
): number {
  const step = share * perUnit;
  let sum = units * perUnit;
  let given = 0;
  for (let k = from; k < to; k++) {
    sum += step;
    const before = given;
    given = sum | 0;
    const left = lefts + before;
    const right = rights + k - from - before;
    slots[right + ((left - right) & (before - given))] = slots[k]!;
  }
  return lefts + given;
}

function clamped(value: number, limit: number): number {
  return value < 0 ? 0 : value > limit ? limit : value;
}

/** Index of the last value that is at most `limit`, or -1; values ascend. */
function lastUpTo(values: readonly number[], limit: number): number {
  // Usually the last one: the schedule has ended.
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
