import type { IndexArray } from '../core/dataset.js';
import { ParityError } from '../core/errors.js';
import { ownValue } from '../core/record.js';
import type { DifficultyIndex } from '../curriculum/difficulty-index.js';
import { allIds, type ClusterIds, clusterIds } from './cluster-ids.js';

/** Metric → difficulty. */
export type Difficulties = Readonly<Record<string, number>>;

/** A metric that selects samples by their difficulty. */
export interface SelectingMetric {
  readonly name: string;
  /** `undefined` if all samples are one cluster, whatever their difficulty. */
  readonly index: DifficultyIndex | undefined;
  /**
   * Selects the ids whose difficulty is above `from` and at most `to`, in the order of the index.
   *
   * @param from - `undefined` for no lower bound.
   * @returns `undefined` only with parity, if DeepSpeed has nothing to select from.
   */
  select(from: number | undefined, to: number): IndexArray | undefined;
}

/** Input for selecting the samples of a new cluster. */
export interface ClusterRequest {
  /** The difficulties before the change; a metric without one is absent. */
  readonly previous: Difficulties;
  readonly current: Difficulties;
  /** The existing clusters, each in any order. */
  readonly earlier: readonly ClusterIds[];
  readonly datasetLength: number;
  /**
   * Whether a metric that selects nothing imposes no constraint or fails, as in DeepSpeed, instead of meaning "no
   * sample".
   */
  readonly parity: boolean;
}

/**
 * Returns the samples that a change of difficulty admits, before shuffling.
 *
 * With one clustered metric: those whose difficulty is between the previous and the current one, in the order of the
 * index. With several: those that every metric admits now and no existing cluster contains, ascending.
 *
 * @returns `undefined` if there are none.
 * @throws {@link ParityError} with `parity`, where DeepSpeed fails over an empty selection.
 */
export function selectMembers(
  metrics: readonly SelectingMetric[],
  request: ClusterRequest,
): ClusterIds | undefined {
  const clustered = metrics.filter(({ index }) => index !== undefined);
  const members =
    clustered.length <= 1
      ? membersOfOneMetric(clustered[0], request)
      : without(membersOfAllMetrics(metrics, request), request);
  return members && members.length > 0 ? members : undefined;
}

function membersOfOneMetric(
  metric: SelectingMetric | undefined,
  request: ClusterRequest,
): ClusterIds | undefined {
  const { previous, current, earlier, datasetLength } = request;
  if (metric)
    return clusterIds(
      datasetLength,
      metric.select(ownValue(previous, metric.name), ownValue(current, metric.name)!) ?? [],
    );
  return earlier.length === 0 ? allIds(datasetLength) : undefined;
}

function membersOfAllMetrics(
  metrics: readonly SelectingMetric[],
  request: ClusterRequest,
): ClusterIds | undefined {
  const { current, datasetLength } = request;
  let members: ClusterIds | undefined;
  for (const metric of metrics) {
    const selected = metric.index
      ? metric.select(undefined, ownValue(current, metric.name)!)
      : allIds(datasetLength);
    if (!selected) {
      if (members && members.length > 0) throw originalFails(metric.name);
      continue;
    }
    members = members ? intersection(members, selected, datasetLength) : clusterIds(datasetLength, selected);
  }
  return members;
}

function intersection(a: ClusterIds, b: IndexArray, datasetLength: number): ClusterIds {
  const isInB = new Uint8Array(datasetLength);
  for (const id of b) isInB[id] = 1;
  return a.filter((id) => isInB[id] === 1).sort();
}

function without(
  members: ClusterIds | undefined,
  { earlier, datasetLength, parity }: ClusterRequest,
): ClusterIds | undefined {
  if (!members) {
    if (parity && earlier.length > 0) throw originalFails('any of the metrics');
    return undefined;
  }
  const taken = new Uint8Array(datasetLength);
  for (const cluster of earlier) for (const id of cluster) taken[id] = 1;
  return members.filter((id) => taken[id] === 0);
}

function originalFails(metric: string): ParityError {
  return new ParityError(`${metric} admits no sample, which DeepSpeed cannot combine with other metrics`, {
    where: { original: 'TypeError', metric },
    next: 'Start at a difficulty that some samples have, or turn parity off.',
  });
}
