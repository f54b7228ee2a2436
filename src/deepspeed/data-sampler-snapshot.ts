import type { NumpyGenerator } from '../random/index.js';
import type { ClusterIds } from './cluster-ids.js';
import type { Difficulties } from './cluster-members.js';

/** State of numpy's generator, in numpy's own JSON form. */
export type RngState = ReturnType<NumpyGenerator['getState']>;

/** The samples that one change of difficulty admitted. */
export interface SamplerCluster {
  /** The difficulties before the change that made it. */
  readonly previous: Difficulties;
  /** The difficulties that made it. */
  readonly difficulties: Difficulties;
  /** Its samples in the order of the pass under way. */
  readonly order: ClusterIds;
  /** The generator's state before each shuffle so far, or `undefined` where that is not known: read from a file. */
  readonly shuffles: readonly RngState[] | undefined;
}

/** Where a sampler stands. Nothing in it changes, so it costs nothing to keep. */
export interface SamplerSnapshot {
  /** Samples left of the global batch under way. */
  readonly batch: readonly number[];
  readonly consumedSamples: number;
  readonly curriculumStep: number;
  readonly difficulties: Difficulties;
  readonly clusters: readonly SamplerCluster[];
  /** Names of the clusters. With `parity` also of files that were found without a cluster, as DeepSpeed lists them. */
  readonly names: readonly string[];
  /** Samples taken from each cluster in the pass under way. */
  readonly positions: readonly number[];
  /** The generator after the last global batch. */
  readonly rng: RngState;
}

/** Before the first global batch. */
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
