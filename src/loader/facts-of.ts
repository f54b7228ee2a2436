import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { asDataset, type DatasetFacts, shapeOf } from './dataset-facts.js';

/**
 * Looks at a dataset. The length is read anew each time, and the fingerprint made when it is first needed.
 *
 * @throws {@link ConfigError} when it is no dataset.
 */
export function factsOf(dataset: unknown): DatasetFacts {
  const known = asDataset(dataset);
  const { kind, numShards, seekable, scheduledBatchSize, where } = shapeOf(known);
  return {
    kind,
    get length() {
      return known.length;
    },
    numShards,
    seekable,
    scheduledBatchSize,
    where,
    get shardLengths() {
      return (known as { shardLengths?: readonly number[] }).shardLengths;
    },
    get fingerprint() {
      return datasetFingerprint(known);
    },
  };
}
