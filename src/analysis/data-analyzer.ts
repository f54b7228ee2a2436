import { defaultCollate } from '../core/collate.js';
import type { Dataset } from '../core/dataset.js';
import { FormatError, MillraceError, ParityError, SampleError } from '../core/errors.js';
import { isTensor } from '../core/tensor.js';
import { sampleContext } from '../random/sample-context.js';
import {
  type AnalyzerSettings,
  type DataAnalyzerOptions,
  resolveAnalyzerOptions,
} from './data-analyzer-options.js';
import { createMapPart } from './map-part.js';
import type { PartPlace } from './part-files.js';
import { keepsOriginalFiles, reduceMetric } from './reduce-metric.js';
import { type IndexRange, splitIndex } from './split-index.js';

/**
 * Measures the samples of a dataset with functions of your own and writes DeepSpeed's difficulty index: what its
 * `DataAnalyzer` writes, and with `docIndex: 'plain'` its `DistributedDataAnalyzer`, byte for byte.
 *
 * Map and reduce may run in different processes: the map of each worker leaves its values under `savePath`, and the reduce,
 * which runs once, after all of them, puts them together. For the built-in metrics `analyzeDifficulty` does both in threads.
 *
 * @remarks The reduce takes O(samples) time and 40 bytes a sample.
 */
export class DataAnalyzer {
  readonly #dataset: Dataset<unknown>;
  readonly #settings: AnalyzerSettings;

  /** @throws {@link ConfigError} naming every option at fault. */
  constructor(dataset: Dataset<unknown>, options: DataAnalyzerOptions) {
    this.#dataset = dataset;
    this.#settings = resolveAnalyzerOptions(options);
  }

  /**
   * Measures the part of this worker.
   *
   * @throws {@link SampleError} when a sample cannot be read, {@link ConfigError} when a function gives another dtype than
   *   announced, {@link ShapeError} when it gives too few or too many values, {@link StorageError}.
   */
  async runMap(): Promise<void> {
    const { numWorkers, workerId, numThreads, threads } = this.#settings;
    const [start, end] = splitIndex(0, this.#dataset.length, numWorkers)[workerId]!;
    const ranges = splitIndex(start, end, numThreads);
    for (const thread of threads) await this.#mapPart(ranges[thread]!, { worker: workerId, thread });
  }

  /**
   * Puts the parts of all workers together and writes the index of every metric.
   *
   * @throws {@link StorageError} when a part is missing, {@link FormatError} when the parts do not cover the dataset.
   */
  async runReduce(): Promise<void> {
    if (this.#dataset.length === 0) {
      throw new FormatError('A dataset without samples has no difficulty index', {
        next: 'Give a dataset with samples.',
      });
    }
    for (const metric of this.#settings.metrics) reduceMetric(metric, this.#settings, this.#dataset.length);
  }

  /** {@link runMap}, then {@link runReduce}. For one worker; several call them themselves, and wait in between. */
  async runMapReduce(): Promise<void> {
    await this.runMap();
    await this.runReduce();
  }

  async #mapPart([start, end]: IndexRange, place: PartPlace): Promise<void> {
    const { metrics, batchSize, savePath, parity } = this.#settings;
    if (parity && start === end) throw emptyPart(place);
    const idFiles = keepsOriginalFiles(this.#settings) ? 'one a value' : 'one';
    const parts = metrics.map((metric) => createMapPart(metric, { capacity: end - start, idFiles }));
    let firstId = start;
    for (let first = start; first < end; first += batchSize) {
      const count = Math.min(batchSize, end - first);
      const batch = await this.#batch(first, count);
      const ids = this.#idsOf(batch, firstId, count);
      for (const [i, { measure }] of metrics.entries()) parts[i]!.add(await measure(batch), ids);
      firstId += parity ? originalLength(batch) : count;
    }
    for (const part of parts) part.write(savePath, place);
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
      const next = 'Mend the sample, or analyze a Subset without it.';
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
        next: 'DeepSpeed counts the fields of a batch here, not its samples. Leave out parity, or give the samples a field index.',
      });
    }
    return Array.from({ length: count }, (_, i) => sampleIndices?.[firstId + i] ?? firstId + i);
  }
}

/** Ids that the samples bring along in their field `index`. */
function ownIds(batch: unknown, count: number): readonly number[] | undefined {
  if (typeof batch !== 'object' || batch === null || Array.isArray(batch) || isTensor(batch))
    return undefined;
  const { index } = batch as { readonly index?: unknown };
  if (!isTensor(index) || index.shape[0] !== count) return undefined;
  const width = index.data.length / count;
  return Array.from({ length: count }, (_, i) => Number(index.data[i * width]));
}

/** What `len` says of a collated batch in Python: rows of a tensor, fields of anything else. */
function originalLength(batch: unknown): number {
  if (isTensor(batch)) return batch.shape[0] ?? 0;
  return Object.keys(batch as object).length;
}

function emptyPart({ worker, thread }: PartPlace): ParityError {
  return new ParityError('A part of the map has no sample, which fails in DeepSpeed', {
    where: { original: 'KeyError', worker, thread },
    next: 'Use fewer workers or threads, or leave out parity.',
  });
}
