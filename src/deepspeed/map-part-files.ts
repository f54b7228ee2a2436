import { join } from 'node:path';
import type { TypedArray } from '../core/dtype.js';
import { FormatError } from '../core/errors.js';
import { IndexedDataset } from '../formats/indexed/indexed-dataset.js';

/** Identifies a part of the map. */
export interface MapPartId {
  readonly worker: number;
  readonly thread: number;
}

/** Content of a file: the values in the order of the map, the ids in that order, or a sum. */
export type MapFile = 'sample_to_metric' | 'sample_id' | 'metric_value';

/** The folder of one part. */
export function partFolder(savePath: string, metric: string, { worker, thread }: MapPartId): string {
  return join(savePath, metric, `worker${worker}_thread${thread}`);
}

/** Path of a file pair of one part, without extensions. */
export function partPrefix(savePath: string, metric: string, part: MapPartId, what: MapFile): string {
  return join(partFolder(savePath, metric, part), `${metric}_${what}`);
}

/** All elements of a file pair. @throws {@link StorageError} if it is missing. */
export function readMapFile(prefix: string): TypedArray {
  const dataset = IndexedDataset.openSync(prefix, { dtypeTable: 'deepspeed' });
  try {
    return dataset.readTokens(0, dataset.tokenCount);
  } finally {
    dataset.close();
  }
}

/** All elements of a file pair as doubles. @throws {@link FormatError} for a number that a double cannot represent exactly. */
export function readNumbers(prefix: string, metric: string): Float64Array {
  const numbers = Float64Array.from<number | bigint>(readMapFile(prefix), Number);
  const unsafe = numbers.find((number) => !Number.isSafeInteger(number));
  if (unsafe === undefined) return numbers;
  throw new FormatError(`The metric has a value beyond 2^53: ${unsafe}`, {
    where: { metric, file: prefix },
    next: 'Scale the metric down.',
  });
}

/** Concatenates arrays. */
export function concat(arrays: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    out.set(array, offset);
    offset += array.length;
  }
  return out;
}
