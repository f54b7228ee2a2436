import { join } from 'node:path';
import { dtypeOf, type TypedArray, zeros } from '../core/dtype.js';
import { ConfigError, FormatError, ShapeError } from '../core/errors.js';
import { isTensor } from '../core/tensor.js';
import { castElements } from '../formats/cast-elements.js';
import { IndexedDataset } from '../formats/indexed-dataset.js';
import type { AnalyzerMetric, MetricResult } from './data-analyzer-options.js';
import { makeFolder, writeItems } from './index-files.js';

/** Which part of a map. */
export interface PartPlace {
  readonly worker: number;
  readonly thread: number;
}

/** What one part of the map found out for one metric, until it is written. */
export interface MapPart {
  /**
   * Takes the result of a batch.
   *
   * @param ids - The ids of its samples.
   */
  add(result: MetricResult, ids: readonly number[]): void;
  write(savePath: string, place: PartPlace): void;
}

/** @param capacity - Samples of the part. */
export function createMapPart(metric: AnalyzerMetric, capacity: number): MapPart {
  return metric.type === 'single_value_per_sample' ? new ValuesPart(metric, capacity) : new SumPart(metric);
}

class ValuesPart implements MapPart {
  readonly #metric: AnalyzerMetric;
  readonly #values: TypedArray;
  readonly #ids: Float64Array;
  #count = 0;

  constructor(metric: AnalyzerMetric, capacity: number) {
    this.#metric = metric;
    this.#values = zeros(metric.dtype, capacity);
    this.#ids = new Float64Array(capacity);
  }

  add(result: MetricResult, ids: readonly number[]): void {
    const values = elementsOf(result, this.#metric);
    if (values.length !== ids.length) {
      throw new ShapeError(`A metric gave ${values.length} values for a batch of ${ids.length} samples`, {
        where: { metric: this.#metric.name },
        next: 'A metric of type single_value_per_sample gives one value a sample.',
      });
    }
    (this.#values as Float64Array).set(values as Float64Array, this.#count);
    this.#ids.set(ids, this.#count);
    this.#count += ids.length;
  }

  write(savePath: string, place: PartPlace): void {
    const { name, dtype } = this.#metric;
    makeFolder(partFolder(savePath, name, place));
    const documentEnds = [this.#count];
    writeItems(partPrefix(savePath, name, place, 'sample_to_metric'), dtype, {
      flat: this.#values,
      documentEnds,
    });
    writeItems(partPrefix(savePath, name, place, 'sample_id'), 'uint64', { flat: this.#ids, documentEnds });
  }
}

class SumPart implements MapPart {
  readonly #metric: AnalyzerMetric;
  #sum: TypedArray | undefined;

  constructor(metric: AnalyzerMetric) {
    this.#metric = metric;
  }

  add(result: MetricResult): void {
    this.#sum = addTo(this.#sum, elementsOf(result, this.#metric), this.#metric.name);
  }

  write(savePath: string, place: PartPlace): void {
    const { name, dtype } = this.#metric;
    makeFolder(partFolder(savePath, name, place));
    const flat = this.#sum ?? zeros(dtype, 0);
    const prefix = partPrefix(savePath, name, place, 'metric_value');
    writeItems(prefix, dtype, { flat, lengths: [flat.length], documentEnds: [1] });
  }
}

/** Adds in place, wrapping round in the dtype. */
function addTo(sum: TypedArray | undefined, more: TypedArray, metric: string): TypedArray {
  if (!sum || sum.length === 0) return more.slice();
  if (more.length !== 0 && more.length !== sum.length) {
    throw new ShapeError(`A metric gave ${more.length} values after ${sum.length}`, {
      where: { metric },
      next: 'A metric of type accumulate_value_over_samples gives the same number of values for every batch.',
    });
  }
  if (sum instanceof BigInt64Array || sum instanceof BigUint64Array) {
    for (let i = 0; i < more.length; i++) sum[i]! += (more as BigInt64Array)[i]!;
  } else {
    for (let i = 0; i < more.length; i++) sum[i]! += (more as Int32Array)[i]!;
  }
  return sum;
}

/** The values and ids of all parts, in the order of the map. */
export interface MappedValues {
  readonly values: Float64Array;
  readonly ids: Float64Array;
  /** Samples of each part. */
  readonly partSizes: readonly number[];
}

/** Reads back what the parts wrote. @throws {@link StorageError} when a part is missing. */
export function readValues(
  savePath: string,
  metric: AnalyzerMetric,
  places: readonly PartPlace[],
): MappedValues {
  const read = (what: PartFile): Float64Array[] =>
    places.map((place) => toNumbers(readPart(partPrefix(savePath, metric.name, place, what)), metric.name));
  const values = read('sample_to_metric');
  const ids = read('sample_id');
  return { values: concat(values), ids: concat(ids), partSizes: values.map(({ length }) => length) };
}

/** The sum of all parts. @throws {@link StorageError} when a part is missing. */
export function readSum(savePath: string, metric: AnalyzerMetric, places: readonly PartPlace[]): TypedArray {
  const parts = places.map((place) => readPart(partPrefix(savePath, metric.name, place, 'metric_value')));
  return parts.reduce((sum, part) => addTo(sum, part, metric.name));
}

type PartFile = 'sample_to_metric' | 'sample_id' | 'metric_value';

function partFolder(savePath: string, metric: string, { worker, thread }: PartPlace): string {
  return join(savePath, metric, `worker${worker}_thread${thread}`);
}

function partPrefix(savePath: string, metric: string, place: PartPlace, what: PartFile): string {
  return join(partFolder(savePath, metric, place), `${metric}_${what}`);
}

function readPart(prefix: string): TypedArray {
  const dataset = IndexedDataset.openSync(prefix);
  try {
    return dataset.readTokens(0, dataset.tokenCount);
  } finally {
    dataset.close();
  }
}

function elementsOf(result: MetricResult, { name, dtype }: AnalyzerMetric): TypedArray {
  const elements = isTensor(result) ? result.data : result;
  const given = isTensor(result) ? result.dtype : dtypeOf(result);
  if (given !== undefined && given !== dtype) {
    const message = `is ${dtype} for ${name}, whose function gave ${given}`;
    throw new ConfigError('DataAnalyzer options', [{ field: 'metricDtypes', message }]);
  }
  return castElements(elements, dtype);
}

function toNumbers(elements: TypedArray, metric: string): Float64Array {
  const numbers = Float64Array.from(elements as ArrayLike<number>, Number);
  const unsafe = numbers.find((number) => !Number.isSafeInteger(number));
  if (unsafe === undefined) return numbers;
  throw new FormatError(`A metric has the value ${unsafe}, beyond 2^53`, {
    where: { metric },
    next: 'Scale the metric down.',
  });
}

function concat(arrays: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    out.set(array, offset);
    offset += array.length;
  }
  return out;
}
