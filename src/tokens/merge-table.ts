/**
 * The merges of a BPE model by pair of token ids: an open-addressing hash table in typed arrays. Lookups allocate nothing,
 * which a `Map` keyed by a combined number would.
 */
export class MergeTable {
  readonly #mask: number;
  /** Four words a slot: left id, right id, rank, merged id. A left id of -1 marks an empty slot. */
  readonly #slots: Int32Array;

  constructor(count: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * count)));
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(4 * capacity).fill(-1);
  }

  /** Adds a pair. The first rank of a pair that is added twice stays. */
  add(left: number, right: number, rank: number, merged: number): void {
    const slot = this.#slotOf(left, right);
    if (this.#slots[slot] !== -1) return;
    this.#slots.set([left, right, rank, merged], slot);
  }

  /** The slot of a pair for {@link rankAt} and {@link mergedAt}, or -1 if the pair does not merge. */
  find(left: number, right: number): number {
    const slot = this.#slotOf(left, right);
    return this.#slots[slot] === -1 ? -1 : slot;
  }

  rankAt(slot: number): number {
    return this.#slots[slot + 2]!;
  }

  mergedAt(slot: number): number {
    return this.#slots[slot + 3]!;
  }

  #slotOf(left: number, right: number): number {
    const slots = this.#slots;
    const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    for (;;) {
      const found = slots[4 * slot]!;
      if (found === -1 || (found === left && slots[4 * slot + 1] === right)) return 4 * slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}
