import type { NumpyGenerator } from '../random/index.js';
import type { ClusterIds } from './cluster-ids.js';
import type { Difficulties } from './cluster-members.js';

/** State of numpy's generator, in numpy's own JSON form. */
export type RngState = ReturnType<NumpyGenerator['getState']>;

/** The samples that one change of difficulty admitted. */
export interface SamplerCluster {
  /** The difficulties before the change. */
  readonly previous: Difficulties;
  /** The difficulties after the change. */
  readonly difficulties: Difficulties;
  /** Its samples in the order of the current pass. */
  readonly order: ClusterIds;
  /**
   * The generator's state before each shuffle so far, or `undefined` if unknown because the cluster was read from a
   * file.
   */
  readonly shuffles: readonly RngState[] | undefined;
}

/** The state of a sampler. It is immutable, so keeping it costs nothing. */
export interface SamplerSnapshot {
  /** Remaining samples of the current global batch. */
  readonly batch: readonly number[];
  readonly consumedSamples: number;
  readonly curriculumStep: number;
  readonly difficulties: Difficulties;
  readonly clusters: readonly SamplerCluster[];
  /** Names of the clusters; with `parity`, also of files that exist without a cluster, as DeepSpeed lists them. */
  readonly names: readonly string[];
  /** Samples taken from each cluster in its current pass. */
  readonly positions: readonly number[];
  /** The generator after the last global batch. */
  readonly rng: RngState;
}

/** The state before the first global batch. */
export function firstSnapshot(rng: RngState): SamplerSnapshot {
  return {
    batch: [],
    consumedSamples: 0,
    curriculumStep: 0,
    difficulties: {},
    clusters: [],
    names: [],
    positions: [],
    rng,
  };
}
