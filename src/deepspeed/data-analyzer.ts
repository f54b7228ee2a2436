import { splitIndex } from '../analysis/split-index.js';
import { defaultCollate } from '../core/collate.js';
import type { Dataset } from '../core/dataset.js';
import { ConfigError, MillraceError, ParityError, SampleError } from '../core/errors.js';
import { propertyOf } from '../core/property-of.js';
import { isTensor } from '../core/tensor.js';
import type { IndexRange } from '../parts/part-range.js';
import { sampleContext } from '../random/sample-context.js';
import {
  type AnalyzerSettings,
  type CustomMap,
  type DataAnalyzerOptions,
  resolveAnalyzerOptions,
} from './data-analyzer-options.js';
import { createMapPart } from './map-part.js';
import type { MapPartId } from './map-part-files.js';
import { keepsOriginalFiles, reduceMetric } from './reduce-metric.js';

/**
 * Measures the samples of a dataset with user-supplied functions and writes DeepSpeed's difficulty index, byte for byte as its
 * `DataAnalyzer` does, or with `docIndex: 'plain'` its `DistributedDataAnalyzer`.
 *
 * Map and reduce may run in different processes. The map of each worker writes its values under `savePath`; the reduce runs once, after
 * all maps, and merges them. For the built-in metrics, `analyzeDifficulty` does both in threads.
 *
 * @remarks The reduce takes O(samples) time and 40 bytes per sample.
 */
export class DataAnalyzer {
  readonly #dataset: Dataset<unknown>;
  readonly #settings: AnalyzerSettings;

  /** @throws {@link ConfigError} naming every invalid option. */
  constructor(dataset: Dataset<unknown>, options: DataAnalyzerOptions) {
    this.#dataset = dataset;
    this.#settings = resolveAnalyzerOptions(options);
  }

  /**
   * Measures the part of this worker.
   *
   * @throws {@link SampleError} if a sample cannot be read, {@link ConfigError} if a function returns a dtype other than its
   *   `metricDtypes` entry, {@link ShapeError} if it returns too few or too many values, {@link StorageError}.
   */
  async runMap(): Promise<void> {
    const { numWorkers, workerId, numThreads, threads } = this.#settings;
    const [start, end] = splitIndex(0, this.#dataset.length, numWorkers)[workerId]!;
    const ranges = splitIndex(start, end, numThreads);
    for (const thread of threads) {
      const part = { worker: workerId, thread };
      if (this.#settings.customMap)
        await this.#customMapPart(this.#settings.customMap, ranges[thread]!, part);
      else await this.#mapPart(ranges[thread]!, part);
    }
  }

  /**
   * Merges the parts of all workers and writes the index of every metric.
   *
   * @throws {@link ConfigError} for an empty dataset, {@link StorageError} if a part is missing, {@link FormatError} if the parts do not
   *   cover the dataset.
   */
  async runReduce(): Promise<void> {
    if (this.#dataset.length === 0) {
      throw new ConfigError('DataAnalyzer', [
        { field: 'dataset', message: 'is empty: there is nothing to index' },
      ]);
    }
    const { customReduce, metrics, savePath, numWorkers, numThreads, numThreadsReduce } = this.#settings;
    if (customReduce) {
      const metricNames = metrics.map(({ name }) => name);
      const samples = this.#dataset.length;
      await customReduce({ samples, metricNames, savePath, numWorkers, numThreads, numThreadsReduce });
      return;
    }
    for (const metric of this.#settings.metrics) reduceMetric(metric, this.#settings, this.#dataset.length);
  }

  /** {@link runMap}, then {@link runReduce}. For a single worker; with several, call each and wait for all maps in between. */
  async runMapReduce(): Promise<void> {
    await this.runMap();
    await this.runReduce();
  }

  async #customMapPart(
    { init, update, finalize }: CustomMap,
    [start, end]: IndexRange,
    { worker, thread }: MapPartId,
  ): Promise<void> {
    const { metrics, batchSize, savePath } = this.#settings;
    const metricNames = metrics.map(({ name }) => name);
    const results = await init({ threadId: thread, workerId: worker, metricNames, savePath });
    for (let first = start; first < end; first += batchSize) {
      await update(await this.#batch(first, Math.min(batchSize, end - first)), results, first);
    }
    await finalize(results);
  }

  async #mapPart([start, end]: IndexRange, part: MapPartId): Promise<void> {
    const { metrics, batchSize, savePath, parity } = this.#settings;
    if (parity && start === end) throw emptyPart(part);
    const idFiles = keepsOriginalFiles(this.#settings) ? 'one-per-value' : 'one';
    const parts = metrics.map((metric) => createMapPart(metric, { capacity: end - start, idFiles }));
    let firstId = start;
    for (let first = start; first < end; first += batchSize) {
      const count = Math.min(batchSize, end - first);
      const batch = await this.#batch(first, count);
      const ids = this.#idsOf(batch, firstId, count);
      for (const [i, { measure }] of metrics.entries()) parts[i]!.add(await measure(batch), ids);
      firstId += parity ? originalLength(batch) : count;
    }
    for (const mapped of parts) mapped.write(savePath, part);
  }

  async #batch(first: number, count: number): Promise<unknown> {
    const samples: unknown[] = [];
    for (let index = first; index < first + count; index++) samples.push(await this.#sample(index));
    return this.#settings.collate
      ? this.#settings.collate(samples)
      : defaultCollate(samples, { parity: true });
  }

  async #sample(index: number): Promise<unknown> {
    try {
      return await this.#dataset.get(index, sampleContext(index));
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause.addLocation({ index });
      const next = 'Repair the sample, or analyze a Subset without it.';
      throw new SampleError('A sample could not be read for analysis', { where: { index }, next, cause });
    }
  }

  #idsOf(batch: unknown, firstId: number, count: number): readonly number[] {
    const { sampleIndices, parity } = this.#settings;
    const own = ownIds(batch, count);
    if (own) return own;
    if (parity && sampleIndices && firstId + count > sampleIndices.length) {
      throw new ParityError('The ids run past the end of sampleIndices, which fails in DeepSpeed', {
        where: { original: 'IndexError', id: firstId + count - 1, indices: sampleIndices.length },
        next: 'DeepSpeed counts the fields of a batch here, not its samples. Turn parity off, or give the samples a field named index.',
      });
    }
    return Array.from({ length: count }, (_, i) => sampleIndices?.[firstId + i] ?? firstId + i);
  }
}

/** The ids in the field `index` of the samples, if there is one. */
function ownIds(batch: unknown, count: number): readonly number[] | undefined {
  if (typeof batch !== 'object' || batch === null || Array.isArray(batch) || isTensor(batch))
    return undefined;
  const index = propertyOf(batch, 'index');
  if (!isTensor(index) || index.shape[0] !== count) return undefined;
  const width = index.data.length / count;
  return Array.from({ length: count }, (_, i) => Number(index.data[i * width]));
}

/** Python's `len` of a collated batch: the rows of a tensor, the fields of anything else. */
function originalLength(batch: unknown): number {
  if (isTensor(batch)) return batch.shape[0] ?? 0;
  return Object.keys(Object(batch)).length;
}

function emptyPart({ worker, thread }: MapPartId): ParityError {
  return new ParityError('A part of the map has no samples, which fails in DeepSpeed', {
    where: { original: 'KeyError', worker, thread },
    next: 'Use fewer workers or threads, or turn parity off.',
  });
}
