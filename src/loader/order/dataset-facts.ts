import {
  type Dataset,
  datasetTitle,
  type IterableDataset,
  isIterableDataset,
  isMapDataset,
} from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import { propertyOf } from '../../core/property-of.js';

/** The facts of a dataset that a loader plans batches from, even if the dataset itself is in a worker. */
export interface DatasetFacts {
  readonly kind: 'map' | 'iterable';
  readonly length: number | undefined;
  readonly numShards: number;
  /** Samples per shard, if the dataset lists them. */
  readonly shardLengths?: readonly number[] | undefined;
  /** Whether any position can be reached without reading the samples before it. */
  readonly seekable: boolean;
  /** Samples per global batch, if the samples depend on it. */
  readonly scheduledBatchSize?: number | undefined;
  /** Class of the dataset, as part of the location of an error. */
  readonly where: { readonly dataset?: string };
  readonly fingerprint: string;
}

/** The facts of a dataset except its fingerprint. */
export function shapeOf(
  dataset: Dataset<unknown> | IterableDataset<unknown>,
): Omit<DatasetFacts, 'fingerprint'> {
  return {
    kind: isMapDataset(dataset) ? 'map' : 'iterable',
    length: dataset.length,
    shardLengths: shardLengthsOf(dataset),
    numShards: ('numShards' in dataset ? dataset.numShards : undefined) ?? 1,
    scheduledBatchSize: (dataset as { scheduledBatchSize?: number }).scheduledBatchSize,
    where: datasetTitle(dataset).where,
    seekable: isMapDataset(dataset) || propertyOf(dataset, 'seekable') === true,
  };
}

/**
 * Describes a dataset. Each access reads the length and computes the fingerprint again, because both may change between epochs.
 *
 * @param fingerprintOf - A parameter, because SHA-256 is not in the bundle of the worker program, which uses this module too.
 * @throws {@link ConfigError} if the value is not a dataset.
 */
export function factsOf(
  dataset: unknown,
  fingerprintOf: (dataset: Dataset<unknown> | IterableDataset<unknown>) => string,
): DatasetFacts {
  const known = asDataset(dataset);
  return {
    ...shapeOf(known),
    get length() {
      return known.length;
    },
    get shardLengths() {
      return shardLengthsOf(known);
    },
    get fingerprint() {
      return fingerprintOf(known);
    },
  };
}

/** @throws {@link ConfigError} if the value is not a dataset. */
export function asDataset(value: unknown, origin = ''): Dataset<unknown> | IterableDataset<unknown> {
  if (isMapDataset(value) || isIterableDataset(value)) return value;
  const isStream =
    typeof value === 'function' ||
    (typeof value === 'object' &&
      value !== null &&
      (Symbol.asyncIterator in value || Symbol.iterator in value || 'getReader' in value));
  const advice = isStream
    ? '; a stream or generator function becomes a dataset by new StreamDataset(…, { name })'
    : '';
  const message = `is neither map-style (length and get) nor iterable (iterate)${origin}${advice}`;
  throw new ConfigError('DataLoader', [{ field: 'dataset', message }]);
}

function shardLengthsOf(dataset: Dataset<unknown> | IterableDataset<unknown>): readonly number[] | undefined {
  return 'shardLengths' in dataset ? dataset.shardLengths : undefined;
}
