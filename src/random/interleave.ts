/** Two sequences merged evenly, each in its own order: element k of one that has a share s of the whole is near k / s. */
export interface Interleaved {
  /** The sequence of an element of the whole, and the element's number in it. */
  at(position: number): { readonly isAdded: boolean; readonly count: number };
  /** The position in the whole of an element of a sequence. */
  positionOf(isAdded: boolean, count: number): number;
}

/**
 * Merges `rest` elements of one sequence with `added` elements of another.
 *
 * @remarks O(1). Exact up to 2^53 elements.
 */
export function interleave(rest: number, added: number): Interleaved {
  const whole = BigInt(rest + added);
  // Products exceed 2^53.
  const scaled = (count: number, by: number | bigint, of: number | bigint): number =>
    Number((BigInt(count) * BigInt(by)) / BigInt(of));
  return {
    at(position) {
      const before = scaled(position, added, whole);
      const isAdded = scaled(position + 1, added, whole) > before;
      return { isAdded, count: isAdded ? before : position - before };
    },
    positionOf(isAdded, count) {
      if (!isAdded) return scaled(count, whole, rest);
      // The first position by which one more element is due, rounded up.
      const due = BigInt(count + 1) * whole;
      return Number((due + BigInt(added) - 1n) / BigInt(added)) - 1;
    },
  };
}
