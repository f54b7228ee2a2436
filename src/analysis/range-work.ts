import type { Dataset } from '../core/dataset.js';
import { FormatError, StorageError } from '../core/errors.js';
import { workFolder } from '../parts/cluster/work-specification.js';
import type { IndexRange } from '../parts/part-range.js';
import type { ObjectStore } from '../storage/object-store.js';
import { type AnalysisDescription, analysisId } from './analysis-description.js';
import { readCounts, writeCounts } from './counts-file.js';
import { MetricColumn, readSum, roundAll, sortedPart } from './metric-column.js';
import type { LoadedMetric } from './metric-source.js';
import { KeyCounts } from './metrics/key-counts.js';
import { readPart } from './part-file.js';
import { notMeasured, readSamples } from './read-samples.js';

/** Called with the number of samples done since the last call. */
export type OnSamples = (samples: number) => void;

/** Samples between two progress reports; the thread's event loop runs in between. */
const reportEvery = 4_096;

/** What a machine or thread needs to work on an analysis. */
export interface RangeWorkOptions {
  readonly dataset: Dataset<unknown>;
  readonly metrics: readonly LoadedMetric[];
  readonly store: ObjectStore;
  readonly description: AnalysisDescription;
  /** Whether values must be integers, as in DeepSpeed's files. */
  readonly wholeValues: boolean;
}

/**
 * Works on ranges of samples. Each part is one object in the store, named after the analysis, the metric and the
 * range. Complete parts are not computed again. Computing a part twice writes the same bytes.
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
    return workFolder(analysisId(description));
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
        for (const { name, metric } of metrics) {
          const keys = metric.keysOf?.(sample, start + i);
          if (keys) counts.get(name)?.add(keys);
        }
    });
    await writeCounts(store, name, counts);
  }

  /** Merges the counts of all ranges. */
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

  /** Measures a range and writes a sorted part for each metric. */
  async map(range: IndexRange, onSamples: OnSamples): Promise<void> {
    const [start, end] = range;
    const missing: LoadedMetric[] = [];
    for (const metric of this.options.metrics)
      if (!(await this.#isThere(metric, range))) missing.push(metric);
    const known = missing.filter(({ metric }) => metric.knownValues?.(this.options.dataset));
    for (const metric of known) await this.#storeKnown(metric, range);
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

  /** Stores the part of a metric whose values the dataset knows. */
  #storeKnown({ metric, name, scale }: LoadedMetric, range: IndexRange): Promise<void> {
    const known = metric.knownValues?.(this.options.dataset) ?? [];
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
      else readSum(source.name, await source.read(0, source.byteLength));
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

/** The error for a part that should exist by now. */
export function missingPart(store: ObjectStore, name: string): StorageError {
  return new StorageError('A part of the analysis is missing', {
    where: { store: store.name, part: name },
    next: 'Run the analysis again: finished parts are kept.',
  });
}
