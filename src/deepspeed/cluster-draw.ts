import type { ClusterIds } from './cluster-ids.js';

/** Where a cluster stands after samples were taken from it. */
export interface ClusterPosition {
  /** The order of the pass under way. A new array after each shuffle, so that older holders keep theirs. */
  readonly order: ClusterIds;
  /** Samples of it that were taken. */
  readonly position: number;
}

/** How a cluster goes on when its samples are used up. */
export interface WrapRule {
  /** Gives the order of the next pass; must not change its argument. */
  readonly reshuffle: (order: ClusterIds) => ClusterIds;
  /** Whether to begin at most one new pass, as DeepSpeed: a request for more than it holds is then cut short. */
  readonly wrapOnce: boolean;
}

/**
 * Takes the next `count` samples of a cluster and appends them to `into`. A cluster that is used up is shuffled and
 * begun again, but not before more is asked of it.
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
