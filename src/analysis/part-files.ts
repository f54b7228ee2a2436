import { join } from 'node:path';
import type { TypedArray } from '../core/dtype.js';
import { FormatError } from '../core/errors.js';
import { IndexedDataset } from '../formats/indexed/indexed-dataset.js';

/** Which part of a map. */
export interface PartPlace {
  readonly worker: number;
  readonly thread: number;
}

/** What a file of a part holds: the values in the order of the map, the ids in that order, or a sum. */
export type PartFile = 'sample_to_metric' | 'sample_id' | 'metric_value';

/** The folder of one part. */
export function partFolder(savePath: string, metric: string, { worker, thread }: PartPlace): string {
  return join(savePath, metric, `worker${worker}_thread${thread}`);
}

/** Where a file pair of one part lies, without its endings. */
export function partPrefix(savePath: string, metric: string, place: PartPlace, what: PartFile): string {
  return join(partFolder(savePath, metric, place), `${metric}_${what}`);
}

/** All elements of a file pair. @throws {@link StorageError} when it is missing. */
export function readPart(prefix: string): TypedArray {
  const dataset = IndexedDataset.openSync(prefix, { dtypeTable: 'deepspeed' });
  try {
    return dataset.readTokens(0, dataset.tokenCount);
  } finally {
    dataset.close();
  }
}

/** The same as {@link readPart}, as doubles. @throws {@link FormatError} for a number that doubles do not hold. */
export function readNumbers(prefix: string, metric: string): Float64Array {
  const numbers = Float64Array.from(readPart(prefix) as ArrayLike<number>, Number);
  const unsafe = numbers.find((number) => !Number.isSafeInteger(number));
  if (unsafe === undefined) return numbers;
  throw new FormatError(`A metric has the value ${unsafe}, beyond 2^53`, {
    where: { metric, file: prefix },
    next: 'Scale the metric down.',
  });
}

/** Arrays end to end. */
export function concat(arrays: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    out.set(array, offset);
    offset += array.length;
  }
  return out;
}
