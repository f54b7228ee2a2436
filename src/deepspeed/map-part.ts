import { makeFolder, writeItems } from '../analysis/index-files.js';
import { copyElements, dtypeOf, type TypedArray, zeros } from '../core/dtype.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { isTensor } from '../core/tensor.js';
import { castElements } from '../formats/indexed/cast-elements.js';
import { isIntegerDType } from '../formats/indexed/integer-dtype.js';
import type { AnalyzerMetric, MetricResult } from './data-analyzer-options.js';
import {
  concat,
  type MapPartId,
  partFolder,
  partPrefix,
  readMapFile,
  readNumbers,
} from './map-part-files.js';
import { CsvRows } from './original-map-files.js';

/** The results of one part of the map for one metric, in memory until they are written. */
export interface MapPart {
  /**
   * Adds the result of a batch.
   *
   * @param ids - The ids of its samples.
   */
  add(result: MetricResult, ids: readonly number[]): void;
  write(savePath: string, part: MapPartId): void;
}

/** Number of samples of a part, and where it writes their ids: to one file, or to one per value as DeepSpeed does. */
export interface MapPartSettings {
  readonly capacity: number;
  readonly idFiles: 'one' | 'one-per-value';
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
    this.#csvRows = idFiles === 'one-per-value' ? new CsvRows() : undefined;
  }

  add(result: MetricResult, ids: readonly number[]): void {
    const values = elementsOf(result, this.#metric);
    if (values.length !== ids.length) {
      throw new ShapeError(
        `The metric returned ${values.length} values for a batch of ${ids.length} samples`,
        {
          where: { metric: this.#metric.name },
          next: 'Return one value per sample from a metric of type single_value_per_sample.',
        },
      );
    }
    copyElements(values, this.#values, this.#count);
    this.#ids.set(ids, this.#count);
    this.#count += ids.length;
    this.#csvRows?.add(values, ids);
  }

  write(savePath: string, part: MapPartId): void {
    const { name, dtype } = this.#metric;
    makeFolder(partFolder(savePath, name, part));
    const documentEnds = [this.#count];
    writeItems(partPrefix(savePath, name, part, 'sample_to_metric'), dtype, {
      flat: this.#values,
      documentEnds,
    });
    if (this.#csvRows) this.#csvRows.write(savePath, name, part);
    else
      writeItems(partPrefix(savePath, name, part, 'sample_id'), 'uint64', { flat: this.#ids, documentEnds });
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

  write(savePath: string, part: MapPartId): void {
    const { name, dtype } = this.#metric;
    makeFolder(partFolder(savePath, name, part));
    const flat = this.#sum ?? zeros(dtype, 0);
    const prefix = partPrefix(savePath, name, part, 'metric_value');
    writeItems(prefix, dtype, { flat, lengths: [flat.length], documentEnds: [1] });
  }
}

/** Adds element by element; sums wrap around in the dtype. */
function addTo(sum: TypedArray | undefined, more: TypedArray, metric: string): TypedArray {
  if (!sum || sum.length === 0) return more.slice();
  if (more.length !== 0 && more.length !== sum.length) {
    throw new ShapeError(
      `The metric returned ${more.length} values for a batch and ${sum.length} for an earlier one`,
      {
        where: { metric },
        next: 'Return the same number of values for every batch from a metric of type accumulate_value_over_samples.',
      },
    );
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

/** Reads the values and ids of all parts. @throws {@link StorageError} if a part is missing. */
export function readValues(savePath: string, metric: string, parts: readonly MapPartId[]): MappedValues {
  const ids = parts.map((part) => readNumbers(partPrefix(savePath, metric, part, 'sample_id'), metric));
  return { ...readValuesOnly(savePath, metric, parts), ids: concat(ids) };
}

/** Same as {@link readValues} without the ids. */
export function readValuesOnly(
  savePath: string,
  metric: string,
  parts: readonly MapPartId[],
): Omit<MappedValues, 'ids'> {
  const values = parts.map((part) =>
    readNumbers(partPrefix(savePath, metric, part, 'sample_to_metric'), metric),
  );
  return { values: concat(values), partSizes: values.map(({ length }) => length) };
}

/** The sum over all parts. @throws {@link StorageError} if a part is missing. */
export function readMappedSum(
  savePath: string,
  metric: AnalyzerMetric,
  parts: readonly MapPartId[],
): TypedArray {
  const sums = parts.map((part) => readMapFile(partPrefix(savePath, metric.name, part, 'metric_value')));
  return sums.reduce((sum, more) => addTo(sum, more, metric.name));
}

function elementsOf(result: MetricResult, { name, dtype }: AnalyzerMetric): TypedArray {
  const elements = isTensor(result) ? result.data : result;
  const given = isTensor(result) ? result.dtype : dtypeOf(result);
  if (given !== undefined && given !== dtype) {
    const message = `is ${dtype} for ${name}, but its function returned ${given}`;
    throw new ConfigError('DataAnalyzer options', [{ field: 'metricDtypes', message }]);
  }
  if (given === undefined && isIntegerDType(dtype))
    checkWhole(elements as readonly (number | bigint)[], name, dtype);
  return castElements(elements, dtype);
}

/** Plain arrays have no dtype: for an integer dtype their numbers must be integers. */
function checkWhole(elements: readonly (number | bigint)[], name: string, dtype: string): void {
  const fraction = elements.find((element) => typeof element === 'number' && !Number.isInteger(element));
  if (fraction === undefined) return;
  const message = `is ${dtype} for ${name}, but its function returned ${fraction}: scale and round the values, or different difficulties become equal`;
  throw new ConfigError('DataAnalyzer options', [{ field: 'metricDtypes', message }]);
}
