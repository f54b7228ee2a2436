import { type Dataset, datasetTitle } from '../core/dataset.js';
import { FormatError, MillraceError, SampleError } from '../core/errors.js';
import { firstIds, sortByNumber } from '../core/sort-by-value.js';
import { type ObjectStore, readObject } from '../storage/object-store.js';
import { type AnalysisDescription, analysisId } from './analysis-description.js';
import type { LoadedMetric } from './metric-source.js';
import { KeyCounts, type KeyCountsJson } from './metrics/key-counts.js';
import { encodePart, readPart } from './part-file.js';
import { AnalysisSampleContext } from './sample-context.js';
import type { IndexRange } from './split-index.js';

/** Called with the number of samples done since the last call. */
export type OnSamples = (samples: number) => void;

/** Samples between two reports of progress, and between two chances for other work on this thread. */
const reportEvery = 4_096;

/** What one machine or thread has in its hands to work on an analysis. */
export interface RangeWorkOptions {
  readonly dataset: Dataset<unknown>;
  readonly metrics: readonly LoadedMetric[];
  readonly store: ObjectStore;
  readonly description: AnalysisDescription;
  /** Whether values must be whole numbers, as DeepSpeed's files hold them. */
  readonly wholeValues: boolean;
}

/**
 * The work on ranges of samples. Every piece leaves one object in the store, of a name that says the analysis, the metric and the range. A
 * piece that is there already and whole is not done again; doing it twice gives the same bytes.
 */
export class RangeWork {
  readonly options: RangeWorkOptions;
  readonly #batchSize: number;
  #counts: Promise<ReadonlyMap<string, KeyCounts>> | undefined;

  constructor(options: RangeWorkOptions) {
    this.options = options;
    this.#batchSize = Math.min(...options.metrics.map(({ batchSize }) => batchSize));
  }

  /** The folder of the parts of an analysis. */
  static folder(description: AnalysisDescription): string {
    return `.parts/${analysisId(description)}`;
  }

  partName(metric: string, [start, end]: IndexRange): string {
    return `${RangeWork.folder(this.options.description)}/${metric}-${start}-${end}.part`;
  }

  /** Counts the keys of a range, for the metrics that need a first pass. */
  async count(range: IndexRange, onSamples: OnSamples): Promise<void> {
    const { store, metrics } = this.options;
    const name = this.#countsName(range);
    if (await readCounts(store, name)) {
      onSamples(range[1] - range[0]);
      return;
    }
    const counting = metrics.filter(({ metric }) => metric.keysOf);
    const counts = new Map(counting.map((metric) => [metric.name, new KeyCounts()]));
    await this.#forEachBatch(range, onSamples, (samples, start) => {
      for (const [i, sample] of samples.entries())
        for (const { name, metric } of counting) counts.get(name)!.add(metric.keysOf!(sample, start + i));
    });
    await writeCounts(store, name, counts);
  }

  /** Adds up the counts of all ranges. */
  async mergeCounts(ranges: readonly IndexRange[]): Promise<void> {
    const { store } = this.options;
    const merged = new Map<string, KeyCounts>();
    for (const range of ranges) {
      const counts = await readCounts(store, this.#countsName(range));
      if (!counts) throw missingPart(store, this.#countsName(range));
      for (const [metric, own] of counts) {
        const all = merged.get(metric);
        if (all) all.merge(own);
        else merged.set(metric, own);
      }
    }
    await writeCounts(store, this.#countsName('all'), merged);
  }

  /** Measures a range and leaves a sorted part for each metric. */
  async map(range: IndexRange, onSamples: OnSamples): Promise<void> {
    const [start, end] = range;
    const missing: LoadedMetric[] = [];
    for (const metric of this.options.metrics)
      if (!(await this.#isThere(metric, range))) missing.push(metric);
    const known = missing.filter((metric) => this.#storeKnown(metric, range) !== undefined);
    await Promise.all(known.map((metric) => this.#storeKnown(metric, range)));
    const measured = missing.filter((metric) => !known.includes(metric));
    if (measured.length === 0) {
      onSamples(end - start);
      return;
    }
    const counts = await this.#mergedCounts();
    const columns = measured.map(
      (metric) => new MetricColumn(metric, end - start, this.options.wholeValues, counts.get(metric.name)),
    );
    await this.#forEachBatch(range, onSamples, async (samples, first) => {
      for (const column of columns) {
        const values = column.measure(samples, first);
        column.add(values instanceof Promise ? await values : values, samples.length, first);
      }
    });
    for (const column of columns)
      await this.options.store.put(this.partName(column.name, range), column.encode());
  }

  /** Stores the part of a metric whose values the dataset knows; `undefined` for another one. */
  #storeKnown({ metric, name, scale }: LoadedMetric, range: IndexRange): Promise<void> | undefined {
    const known = metric.knownValues?.(this.options.dataset);
    if (!known) return undefined;
    const values = new Float64Array(range[1] - range[0]);
    for (let i = 0; i < values.length; i++) values[i] = known[range[0] + i]!;
    if (scale > 0) roundAll(values, scale);
    return this.options.store.put(this.partName(name, range), sortedPart(values));
  }

  async #isThere({ name, kind }: LoadedMetric, range: IndexRange): Promise<boolean> {
    const source = await this.options.store.open(this.partName(name, range));
    if (!source) return false;
    try {
      if (kind === 'value') await readPart(source, range[1] - range[0]);
      else await readSum(source.name, await source.read(0, source.byteLength));
      return true;
    } catch (error) {
      if (error instanceof FormatError) return false;
      throw error;
    } finally {
      source.close();
    }
  }

  async #mergedCounts(): Promise<ReadonlyMap<string, KeyCounts>> {
    if (!this.options.metrics.some(({ metric }) => metric.keysOf)) return new Map();
    const { store } = this.options;
    this.#counts ??= readCounts(store, this.#countsName('all')).then((counts) => {
      if (counts) return counts;
      throw missingPart(store, this.#countsName('all'));
    });
    return this.#counts;
  }

  #countsName(range: IndexRange | 'all'): string {
    const which = range === 'all' ? range : `${range[0]}-${range[1]}`;
    return `${RangeWork.folder(this.options.description)}/counts-${which}.json`;
  }

  async #forEachBatch(
    [start, end]: IndexRange,
    onSamples: OnSamples,
    visit: (samples: readonly unknown[], start: number) => void | Promise<void>,
  ): Promise<void> {
    const { dataset } = this.options;
    let reported = start;
    for (let first = start; first < end; first += this.#batchSize) {
      const last = Math.min(end, first + this.#batchSize);
      try {
        const samples = readSamples(dataset, first, last);
        const visited = visit(samples instanceof Promise ? await samples : samples, first);
        if (visited instanceof Promise) await visited;
      } catch (cause) {
        throw notMeasured(dataset, first, last, cause);
      }
      if (last - reported < reportEvery && last < end) continue;
      onSamples(last - reported);
      reported = last;
      await new Promise(setImmediate);
    }
  }
}

/** The values of one metric in one range. */
class MetricColumn {
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
      throw wrongValues(this.name, `gave ${result?.length ?? 'no'} values for ${samples} samples`, start);
    const { scale } = this.#loaded;
    for (let i = 0; i < samples; i++) {
      // Negative zero is zero.
      let value = Number(result[i]) + 0;
      if (scale > 0) value = Math.round(value * scale) + 0;
      if (this.#wholeValues ? !Number.isSafeInteger(value) : !Number.isFinite(value))
        throw wrongValue(this.name, value, start + i);
      this.#values[this.#filled++] = value;
    }
  }

  encode(): Uint8Array {
    return this.#loaded.kind === 'value'
      ? sortedPart(this.#values)
      : new TextEncoder().encode(JSON.stringify({ sums: [...(this.#sums ?? [])] }));
  }
}

/** The sums in a part of a `count` metric. @throws {@link FormatError} when it is damaged. */
export function readSum(file: string, bytes: Uint8Array): Float64Array {
  try {
    const { sums } = JSON.parse(new TextDecoder().decode(bytes)) as { sums: number[] };
    return Float64Array.from(sums);
  } catch (cause) {
    throw new FormatError('A part of the analysis is damaged', { where: { file }, cause });
  }
}

/** Adds element by element; the first ones are copied. @throws {@link SampleError} for lists of different lengths. */
export function addUp(
  sums: Float64Array | undefined,
  more: ArrayLike<number | bigint>,
  metric: string,
): Float64Array {
  if (!sums || sums.length === 0) return Float64Array.from(more as ArrayLike<number>, Number);
  if (more.length === 0) return sums;
  if (more.length !== sums.length)
    throw wrongValues(metric, `gave ${more.length} numbers after ${sums.length}`);
  for (let i = 0; i < sums.length; i++) sums[i]! += Number(more[i]);
  const unsafe = sums.find((sum) => !Number.isSafeInteger(sum));
  if (unsafe !== undefined)
    throw wrongValues(metric, `adds up to ${unsafe}, which is not a whole number up to 2^53`);
  return sums;
}

function sortedPart(values: Float64Array): Uint8Array {
  return encodePart(sortByNumber(values, firstIds(values.length)));
}

function roundAll(values: Float64Array, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.round(values[i]! * scale);
}

/** Samples of a range, all at once where they have to be waited for. */
function readSamples(dataset: Dataset<unknown>, start: number, end: number): unknown[] | Promise<unknown[]> {
  const samples = new Array<unknown>(end - start);
  let isWaiting = false;
  for (let index = start; index < end; index++) {
    const sample = readSample(dataset, index);
    isWaiting ||= sample instanceof Promise;
    samples[index - start] = sample;
  }
  return isWaiting ? Promise.all(samples) : samples;
}

function readSample(dataset: Dataset<unknown>, index: number): unknown {
  try {
    const sample = dataset.get(index, new AnalysisSampleContext(index, null));
    return sample instanceof Promise ? sample.catch((cause) => rethrow(cause, index)) : sample;
  } catch (cause) {
    return rethrow(cause, index);
  }
}

function rethrow(cause: unknown, index: number): never {
  throw new SampleError('It could not be read', { where: { index }, cause });
}

async function readCounts(store: ObjectStore, name: string): Promise<Map<string, KeyCounts> | undefined> {
  const bytes = await readObject(store, name);
  if (!bytes) return undefined;
  try {
    const byMetric = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, KeyCountsJson>;
    return new Map(Object.entries(byMetric).map(([metric, json]) => [metric, KeyCounts.fromJson(json)]));
  } catch {
    // Damaged: counted again.
    return undefined;
  }
}

function writeCounts(
  store: ObjectStore,
  name: string,
  counts: ReadonlyMap<string, KeyCounts>,
): Promise<void> {
  const json = Object.fromEntries([...counts].map(([metric, own]) => [metric, own.toJson()]));
  return store.put(name, new TextEncoder().encode(JSON.stringify(json)));
}

function notMeasured(dataset: Dataset<unknown>, start: number, end: number, cause: unknown): SampleError {
  const { name, where } = datasetTitle(dataset);
  const one = cause instanceof MillraceError ? cause.where.index : undefined;
  if (typeof one === 'number') {
    const reason = cause instanceof SampleError && cause.cause !== undefined ? cause.cause : cause;
    return new SampleError(`Sample ${one} of ${name} could not be measured`, {
      where: { ...where, index: one },
      cause: reason,
    });
  }
  return new SampleError(`Samples ${start} to ${end - 1} of ${name} could not be measured`, {
    where: { ...where, index: start },
    cause,
  });
}

function wrongValues(metric: string, what: string, index?: number): SampleError {
  return new SampleError(`The metric ${metric} ${what}`, {
    where: index === undefined ? { metric } : { metric, firstIndex: index },
    next: 'A metric of kind value gives a number a sample; one of kind count as many numbers for every batch.',
  });
}

function wrongValue(metric: string, value: number, index: number): SampleError {
  return new SampleError(`The metric ${metric} gave ${value}`, {
    where: { metric, index },
    next: Number.isFinite(value)
      ? `DeepSpeed's files hold whole numbers: give the metric a scale (scale: 1000 keeps three decimals), or write the native index alone with layout native.`
      : 'Difficulties are finite numbers: let the metric give one, or leave the sample out with Subset.',
  });
}

function missingPart(store: ObjectStore, name: string): FormatError {
  return new FormatError('A part of the analysis is missing', {
    where: { store: store.name, part: name },
    next: 'Run the analysis again; parts that are there are kept.',
  });
}
