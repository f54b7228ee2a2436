import { dtypeOf, type TypedArray, zeros } from '../core/dtype.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { isTensor } from '../core/tensor.js';
import { castElements } from '../formats/indexed/cast-elements.js';
import { isIntegerDType } from '../formats/indexed/integer-dtype.js';
import type { AnalyzerMetric, MetricResult } from './data-analyzer-options.js';
import { makeFolder, writeItems } from './index-files.js';
import { CsvRows } from './original-part-files.js';
import { concat, type PartPlace, partFolder, partPrefix, readNumbers, readPart } from './part-files.js';

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

/** How many samples a part has, and how it leaves their ids: in one file, or in DeepSpeed's, one a value. */
export interface MapPartSettings {
  readonly capacity: number;
  readonly idFiles: 'one' | 'one a value';
}

export function createMapPart(metric: AnalyzerMetric, settings: MapPartSettings): MapPart {
  return metric.type === 'single_value_per_sample' ? new ValuesPart(metric, settings) : new SumPart(metric);
}

class ValuesPart implements MapPart {
  readonly #metric: AnalyzerMetric;
  readonly #values: TypedArray;
  readonly #ids: Float64Array;
  readonly #csvRows: CsvRows | undefined;
  #count = 0;

  constructor(metric: AnalyzerMetric, { capacity, idFiles }: MapPartSettings) {
    this.#metric = metric;
    this.#values = zeros(metric.dtype, capacity);
    this.#ids = new Float64Array(capacity);
    this.#csvRows = idFiles === 'one a value' ? new CsvRows() : undefined;
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
    this.#csvRows?.add(values, ids);
  }

  write(savePath: string, place: PartPlace): void {
    const { name, dtype } = this.#metric;
    makeFolder(partFolder(savePath, name, place));
    const documentEnds = [this.#count];
    writeItems(partPrefix(savePath, name, place, 'sample_to_metric'), dtype, {
      flat: this.#values,
      documentEnds,
    });
    if (this.#csvRows) this.#csvRows.write(savePath, name, place);
    else
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
export function readValues(savePath: string, metric: string, places: readonly PartPlace[]): MappedValues {
  const ids = places.map((place) => readNumbers(partPrefix(savePath, metric, place, 'sample_id'), metric));
  return { ...readValuesOnly(savePath, metric, places), ids: concat(ids) };
}

/** The same without the ids. */
export function readValuesOnly(
  savePath: string,
  metric: string,
  places: readonly PartPlace[],
): Omit<MappedValues, 'ids'> {
  const values = places.map((place) =>
    readNumbers(partPrefix(savePath, metric, place, 'sample_to_metric'), metric),
  );
  return { values: concat(values), partSizes: values.map(({ length }) => length) };
}

/** The sum of all parts. @throws {@link StorageError} when a part is missing. */
export function readSum(savePath: string, metric: AnalyzerMetric, places: readonly PartPlace[]): TypedArray {
  const parts = places.map((place) => readPart(partPrefix(savePath, metric.name, place, 'metric_value')));
  return parts.reduce((sum, part) => addTo(sum, part, metric.name));
}

function elementsOf(result: MetricResult, { name, dtype }: AnalyzerMetric): TypedArray {
  const elements = isTensor(result) ? result.data : result;
  const given = isTensor(result) ? result.dtype : dtypeOf(result);
  if (given !== undefined && given !== dtype) {
    const message = `is ${dtype} for ${name}, whose function gave ${given}`;
    throw new ConfigError('DataAnalyzer options', [{ field: 'metricDtypes', message }]);
  }
  if (given === undefined && isIntegerDType(dtype))
    checkWhole(elements as readonly (number | bigint)[], name, dtype);
  return castElements(elements, dtype);
}

/** A plain array says no dtype: its numbers must be whole where the announced dtype is one of whole numbers. */
function checkWhole(elements: readonly (number | bigint)[], name: string, dtype: string): void {
  const fraction = elements.find((element) => typeof element === 'number' && !Number.isInteger(element));
  if (fraction === undefined) return;
  const message = `is ${dtype} for ${name}, whose function gave ${fraction}: multiply and round it, so that no difficulties become one`;
  throw new ConfigError('DataAnalyzer options', [{ field: 'metricDtypes', message }]);
}
