import { knownValue } from '../core/known-value.js';
import { lastOf } from '../core/last-of.js';

/**
 * Divides classes over parts: of each class, every part receives its share, rounded up or down, and each part has its count in all. Such
 * counts always exist, because the shares themselves are a flow (controlled rounding); an integer flow is found by augmenting paths.
 *
 * @param sizes - Samples of each class.
 * @param counts - Samples of each part; together as many as the classes have.
 * @returns for each class, the samples of each part.
 * @remarks O(classes × parts²) for each path; at most `classes × parts` paths, and few in practice.
 */
export function stratifiedCounts(sizes: readonly number[], counts: readonly number[]): number[][] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const shares = sizes.map((size) => counts.map((count) => (size * count) / Math.max(1, total)));
  const made = shares.map((row) => row.map(Math.floor));
  // What is left of each class goes to different parts, whose share has a fraction.
  const isOpen = (c: number, k: number) => shares[c]![k]! > Math.floor(shares[c]![k]!);
  const isExtra = shares.map((row) => row.map(() => false));
  const room = counts.map((count, k) => count - made.reduce((sum, row) => sum + row[k]!, 0));
  for (const [c, size] of sizes.entries()) {
    const left = size - made[c]!.reduce((sum, count) => sum + count, 0);
    for (let unit = 0; unit < left; unit++) {
      const path = freePath(c, { isOpen, isExtra, room });
      for (const { from, to, of } of path) {
        isExtra[of]![to] = true;
        if (from !== undefined) isExtra[of]![from] = false;
      }
      room[lastOf(path).to]! -= 1;
    }
  }
  return made.map((row, c) => row.map((count, k) => count + Number(isExtra[c]![k])));
}

/** Class `of` gives a unit to part `to`, instead of to `from`. */
interface Reassignment {
  readonly of: number;
  readonly from: number | undefined;
  readonly to: number;
}

interface Flow {
  readonly isOpen: (c: number, k: number) => boolean;
  readonly isExtra: readonly (readonly boolean[])[];
  readonly room: readonly number[];
}

/** The shortest list of reassignments that makes room for one more unit of a class: breadth-first over the parts. */
function freePath(c: number, { isOpen, isExtra, room }: Flow): Reassignment[] {
  const parts = room.map((_, k) => k);
  const reached = new Map<number, readonly Reassignment[]>();
  let edge: number[] = [];
  const reach = (to: number, path: readonly Reassignment[]): void => {
    if (reached.has(to)) return;
    reached.set(to, path);
    edge.push(to);
  };
  // Parts with the most room first, so that few units are reassigned.
  const byRoom = parts.toSorted((a, b) => room[b]! - room[a]!);
  for (const k of byRoom) if (isOpen(c, k) && !isExtra[c]![k]) reach(k, [{ of: c, from: undefined, to: k }]);
  while (edge.length > 0) {
    const free = edge.find((k) => room[k]! > 0);
    if (free !== undefined) return [...knownValue(reached, free)];
    const last = edge;
    edge = [];
    for (const from of last)
      for (const [of, extra] of isExtra.entries()) {
        if (!extra[from]) continue;
        for (const to of byRoom)
          if (isOpen(of, to) && !extra[to]) reach(to, [...knownValue(reached, from), { of, from, to }]);
      }
  }
  throw new Error('stratifiedCounts: the counts are not those of the classes');
}
