import {
  type Dataset,
  datasetTitle,
  type IterableDataset,
  isIterableDataset,
  isMapDataset,
} from '../core/dataset.js';
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
  /** Samples a global batch, where the samples depend on it. */
  readonly scheduledBatchSize?: number | undefined;
  /** Its class, as a place of an error. */
  readonly where: { readonly dataset?: string };
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
    scheduledBatchSize: (dataset as { scheduledBatchSize?: number }).scheduledBatchSize,
    where: datasetTitle(dataset).where,
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
