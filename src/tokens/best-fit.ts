/** A packing of items into bins. Items are numbered in ascending order of size. */
export interface BinPacking {
  /** The bin of each item. */
  readonly binOf: Uint32Array;
  /** The start of each bin in {@link items}, with one entry more than bins. */
  readonly starts: Uint32Array;
  /** The items by bin; within a bin, from the largest to the smallest. */
  readonly items: Uint32Array;
}

/**
 * Packs items into few bins by best fit decreasing: the largest item first, each into the fullest bin with room. It uses
 * at most 11/9 of the optimal number of bins plus a small constant (Johnson, Near-optimal bin packing algorithms, 1973);
 * for training, see Ding et al., Fewer Truncations Improve Language Modeling, 2024.
 *
 * @param sizes - Distinct sizes, ascending, in `1 … capacity`.
 * @param counts - The number of items of each size.
 * @remarks O(n · log32 capacity) time, 16 bytes per item.
 */
export function packBestFit(
  sizes: ArrayLike<number>,
  counts: ArrayLike<number>,
  capacity: number,
): BinPacking {
  let total = 0;
  for (let group = 0; group < counts.length; group++) total += counts[group]!;
  const binOf = new Uint32Array(total);
  const room = new RoomIndex(capacity, total);
  let item = total;
  for (let group = sizes.length - 1; group >= 0; group--) {
    const size = sizes[group]!;
    for (let left = counts[group]!; left > 0; left--) binOf[--item] = room.place(size);
  }
  return { binOf, ...membersOf(binOf, room.bins) };
}

function membersOf(binOf: Uint32Array, bins: number): Omit<BinPacking, 'binOf'> {
  const starts = new Uint32Array(bins + 1);
  for (const bin of binOf) starts[bin + 1]! += 1;
  for (let bin = 0; bin < bins; bin++) starts[bin + 1]! += starts[bin]!;
  const next = starts.slice();
  const items = new Uint32Array(binOf.length);
  for (let item = binOf.length - 1; item >= 0; item--) items[next[binOf[item]!]!++] = item;
  return { starts, items };
}

/** Bins by remaining room: a list of bins for each amount of room, and a tree of bits that marks the lists that are not empty. */
class RoomIndex {
  bins = 0;
  readonly #capacity: number;
  /** The last bin with this much room, + 1; and the previous bin with the same room. */
  readonly #heads: Uint32Array;
  readonly #before: Uint32Array;
  /** Bit r of the first level: a bin has room r. Each further level has a bit for each word of the one below. */
  readonly #levels: Uint32Array[] = [];

  constructor(capacity: number, mostBins: number) {
    this.#capacity = capacity;
    this.#heads = new Uint32Array(capacity + 1);
    this.#before = new Uint32Array(mostBins);
    for (let bits = capacity + 1; ; ) {
      const words = Math.ceil(bits / 32);
      this.#levels.push(new Uint32Array(words));
      if (words === 1) break;
      bits = words;
    }
  }

  /** Places an item in the fullest bin with room for it, or in a new bin. Returns the bin. */
  place(size: number): number {
    const room = this.#leastFrom(size);
    let bin: number;
    if (room < 0) bin = this.bins++;
    else {
      bin = this.#heads[room]! - 1;
      this.#heads[room] = this.#before[bin]!;
      if (this.#heads[room] === 0) this.#clear(room);
    }
    const left = (room < 0 ? this.#capacity : room) - size;
    if (left === 0) return bin;
    this.#before[bin] = this.#heads[left]!;
    if (this.#heads[left] === 0) this.#set(left);
    this.#heads[left] = bin + 1;
    return bin;
  }

  /** The least room of any bin, from `size` up; -1 if no bin has that much. */
  #leastFrom(size: number): number {
    let position = size;
    for (let level = 0; level < this.#levels.length; level++) {
      const words = this.#levels[level]!;
      const word = position >>> 5;
      const found = word < words.length ? words[word]! & (-1 << (position & 31)) : 0;
      if (found !== 0) {
        let at = word * 32 + lowestBit(found);
        for (let below = level - 1; below >= 0; below--) at = at * 32 + lowestBit(this.#levels[below]![at]!);
        return at;
      }
      position = word + 1;
    }
    return -1;
  }

  #set(position: number): void {
    let at = position;
    for (const words of this.#levels) {
      words[at >>> 5]! |= 1 << (at & 31);
      at >>>= 5;
    }
  }

  #clear(position: number): void {
    let at = position;
    for (const words of this.#levels) {
      words[at >>> 5]! &= ~(1 << (at & 31));
      if (words[at >>> 5] !== 0) return;
      at >>>= 5;
    }
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
