import type { ClusterIds } from './cluster-ids.js';

/** Position within a cluster. */
export interface ClusterPosition {
  /** The order of the current pass. A shuffle creates a new array, so earlier holders keep theirs. */
  readonly order: ClusterIds;
  /** Number of samples taken from it. */
  readonly position: number;
}

/** How a cluster continues when its samples are used up. */
export interface WrapRule {
  /** Returns the order of the next pass; must not change its argument. */
  readonly reshuffle: (order: ClusterIds) => ClusterIds;
  /** Whether to start at most one new pass, as DeepSpeed does: a request for more samples then gets fewer. */
  readonly wrapOnce: boolean;
}

/**
 * Takes the next `count` samples of a cluster and appends them to `into`. A used-up cluster is shuffled and starts
 * again, but only when more samples are requested.
 */
export function takeFromCluster(
  { order, position }: ClusterPosition,
  count: number,
  into: number[],
  { reshuffle, wrapOnce }: WrapRule,
): ClusterPosition {
  let missing = count - append(order, position, count, into);
  if (missing === 0) return { order, position: position + count };
  for (;;) {
    order = reshuffle(order);
    const obtained = append(order, 0, missing, into);
    if (obtained === missing || wrapOnce) return { order, position: missing };
    missing -= obtained;
  }
}

function append(order: ClusterIds, start: number, count: number, into: number[]): number {
  const end = Math.min(start + count, order.length);
  for (let position = start; position < end; position++) into.push(order[position]!);
  return Math.max(0, end - start);
}
