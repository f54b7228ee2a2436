import { checkedJson, parseCheckedJson } from '../core/checked-json.js';
import { FormatError, SampleError } from '../core/errors.js';
import { firstIds, sortByNumber } from '../core/sort-by-value.js';
import type { LoadedMetric } from './metric-source.js';
import { KeyCounts } from './metrics/key-counts.js';
import { encodePart } from './part-file.js';

/** Values of a metric in a range. */
export class MetricColumn {
  readonly name: string;
  readonly #loaded: LoadedMetric;
  readonly #counts: KeyCounts;
  readonly #wholeValues: boolean;
  readonly #values: Float64Array;
  #sums: Float64Array | undefined;
  #filled = 0;

  constructor(loaded: LoadedMetric, samples: number, wholeValues: boolean, counts = new KeyCounts()) {
    this.name = loaded.name;
    this.#loaded = loaded;
    this.#counts = counts;
    this.#wholeValues = wholeValues;
    this.#values = new Float64Array(loaded.kind === 'value' ? samples : 0);
  }

  measure(samples: readonly unknown[], start: number) {
    return this.#loaded.metric.measure(samples, { start, counts: this.#counts });
  }

  add(result: ArrayLike<number | bigint>, samples: number, start: number): void {
    if (this.#loaded.kind === 'count') {
      this.#sums = addUp(this.#sums, result, this.name);
      return;
    }
    if (result?.length !== samples)
      throw wrongValues(this.name, `returned ${result?.length ?? 'no'} values for ${samples} samples`, start);
    const { scale } = this.#loaded;
    const values = this.#values.subarray(this.#filled, this.#filled + samples);
    for (let i = 0; i < samples; i++) {
      // Stores negative zero as zero.
      let value = Number(result[i]) + 0;
      if (scale > 0) value = Math.round(value * scale) + 0;
      if (this.#wholeValues ? !Number.isSafeInteger(value) : !Number.isFinite(value))
        throw wrongValue(this.name, value, start + i);
      values[i] = value;
    }
    this.#filled += samples;
  }

  encode(): Uint8Array {
    return this.#loaded.kind === 'value'
      ? sortedPart(this.#values)
      : new TextEncoder().encode(checkedJson({ sums: [...(this.#sums ?? [])] }));
  }
}

/** Reads the sums in a part of a `count` metric. @throws {@link FormatError} if it is damaged. */
export function readSum(file: string, bytes: Uint8Array): Float64Array {
  try {
    const { sums } = parseCheckedJson(new TextDecoder().decode(bytes));
    if (!Array.isArray(sums) || !sums.every((sum) => typeof sum === 'number'))
      throw new SyntaxError('It contains no sums');
    return Float64Array.from(sums);
  } catch (cause) {
    throw new FormatError('A part of the analysis is damaged', { where: { file }, cause });
  }
}

/** Adds element by element; copies the first list. @throws {@link SampleError} for lists of different lengths. */
export function addUp(
  sums: Float64Array | undefined,
  more: ArrayLike<number | bigint>,
  metric: string,
): Float64Array {
  if (!sums || sums.length === 0) return Float64Array.from<number | bigint>(more, Number);
  if (more.length === 0) return sums;
  if (more.length !== sums.length)
    throw wrongValues(metric, `returned ${more.length} numbers, but ${sums.length} before`);
  for (let i = 0; i < sums.length; i++) sums[i]! += Number(more[i]);
  const unsafe = sums.find((sum) => !Number.isSafeInteger(sum));
  if (unsafe !== undefined)
    throw wrongValues(metric, `adds up to ${unsafe}, which is not an integer up to 2^53`);
  return sums;
}

/** A range of the values. */
export function sortedPart(values: Float64Array): Uint8Array {
  return encodePart(sortByNumber(values, firstIds(values.length)));
}

/** Multiplies and rounds in place. */
export function roundAll(values: Float64Array, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.round(values[i]! * scale);
}

function wrongValues(metric: string, what: string, index?: number): SampleError {
  return new SampleError(`The metric ${metric} ${what}`, {
    where: index === undefined ? { metric } : { metric, firstIndex: index },
    next: 'A metric of kind value must return one number per sample; one of kind count, equally many numbers for every batch.',
  });
}

function wrongValue(metric: string, value: number, index: number): SampleError {
  return new SampleError(`The metric ${metric} returned ${value}`, {
    where: { metric, index },
    next: Number.isFinite(value)
      ? `DeepSpeed's files hold only integers: give the metric a scale (scale: 1000 keeps three decimals), or write only the native index: layout: 'native'.`
      : 'Difficulties must be finite: let the metric return a finite number, or exclude the sample with Subset.',
  });
}
