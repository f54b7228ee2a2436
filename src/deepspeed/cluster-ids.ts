import type { IndexArray } from '../core/dataset.js';

/** Sample ids, in the narrowest typed array that holds all ids of a dataset. */
export type ClusterIds = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/**
 * Copies ids of a dataset of `datasetLength` samples. Values beyond the dtype wrap around, as in DeepSpeed's files.
 */
export function clusterIds(datasetLength: number, ids: IndexArray): ClusterIds {
  return constructorFor(datasetLength).from(ids);
}

/** `0 … datasetLength - 1`. */
export function allIds(datasetLength: number): ClusterIds {
  const ids = new (constructorFor(datasetLength))(datasetLength);
  for (let id = 0; id < datasetLength; id++) ids[id] = id;
  return ids;
}

function constructorFor(datasetLength: number) {
  if (datasetLength <= 0xff) return Uint8Array;
  if (datasetLength <= 0xffff) return Uint16Array;
  // Ids beyond 32 bits are doubles, which are exact up to 2^53.
  return datasetLength <= 0xffff_ffff ? Uint32Array : Float64Array;
}
