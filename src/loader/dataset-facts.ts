import { type Dataset, type IterableDataset, isIterableDataset, isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';

/** What a loader must know of a dataset to plan its batches, wherever the dataset itself lives. */
export interface DatasetFacts {
  readonly kind: 'map' | 'iterable';
  readonly length: number | undefined;
  readonly numShards: number;
  readonly fingerprint: string;
}

/**
 * Looks at a dataset. The length is read anew each time, and the fingerprint made when it is first needed.
 *
 * @throws {@link ConfigError} when it is no dataset.
 */
export function factsOf(dataset: unknown): DatasetFacts {
  const known = asDataset(dataset);
  return {
    kind: isMapDataset(known) ? 'map' : 'iterable',
    get length() {
      return known.length;
    },
    numShards: ('numShards' in known ? known.numShards : undefined) ?? 1,
    get fingerprint() {
      return datasetFingerprint(known);
    },
  };
}

/** @throws {@link ConfigError} when the value is no dataset. */
export function asDataset(value: unknown, origin = ''): Dataset<unknown> | IterableDataset<unknown> {
  if (isMapDataset(value) || isIterableDataset(value)) return value;
  throw new ConfigError('DataLoader', [
    { field: 'dataset', message: `is neither map-style (length and get) nor iterable (iterate)${origin}` },
  ]);
}
