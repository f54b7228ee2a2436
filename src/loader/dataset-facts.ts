import { type Dataset, type IterableDataset, isIterableDataset, isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';

/** What a loader must know of a dataset to plan its batches, wherever the dataset itself lives. */
export interface DatasetFacts {
  readonly kind: 'map' | 'iterable';
  readonly length: number | undefined;
  readonly numShards: number;
  /** Samples of each part that is read together, where the dataset says. */
  readonly shardLengths?: readonly number[] | undefined;
  /** Whether any place is reached without reading what comes before it. */
  readonly seekable: boolean;
  readonly fingerprint: string;
}

/** What can be seen of a dataset from outside; the length is read anew each time. */
export function shapeOf(
  dataset: Dataset<unknown> | IterableDataset<unknown>,
): Omit<DatasetFacts, 'fingerprint'> {
  return {
    kind: isMapDataset(dataset) ? 'map' : 'iterable',
    length: dataset.length,
    shardLengths: (dataset as { shardLengths?: readonly number[] }).shardLengths,
    numShards: ('numShards' in dataset ? dataset.numShards : undefined) ?? 1,
    seekable: isMapDataset(dataset) || (dataset as { seekable?: boolean }).seekable === true,
  };
}

/** @throws {@link ConfigError} when the value is no dataset. */
export function asDataset(value: unknown, origin = ''): Dataset<unknown> | IterableDataset<unknown> {
  if (isMapDataset(value) || isIterableDataset(value)) return value;
  throw new ConfigError('DataLoader', [
    { field: 'dataset', message: `is neither map-style (length and get) nor iterable (iterate)${origin}` },
  ]);
}
