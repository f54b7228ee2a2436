import type { IterableDataset } from '../core/dataset.js';
import { partSlice } from '../core/part-slice.js';
import type { BatchMemory } from './batch-memory.js';
import type { BatchMaker, StreamTask, TaskResult } from './batch-task.js';
import { LoaderSampleContext } from './sample-context.js';
import { type SampleSteps, settle } from './sample-steps.js';

interface ShardReader {
  readonly epoch: number;
  readonly iterator: AsyncIterator<unknown> | Iterator<unknown>;
  /** Batches read so far, delivered or not. */
  position: number;
  ended: boolean;
}

/** Samples are numbered through the shards, so that each has its own random numbers. */
const indicesPerShard = 2 ** 40;

/**
 * Makes batches of an iterable dataset. It keeps one reader a shard; a task for a later batch reads past the ones
 * between, which other workers make.
 */
export class StreamBatchMaker implements BatchMaker<StreamTask> {
  readonly #dataset: IterableDataset<unknown>;
  readonly #samples: SampleSteps;
  readonly #readers = new Map<number, ShardReader>();

  constructor(dataset: IterableDataset<unknown>, samples: SampleSteps) {
    this.#dataset = dataset;
    this.#samples = samples;
  }

  async make(task: StreamTask, memory: BatchMemory): Promise<TaskResult> {
    const reader = this.#reader(task);
    while (reader.position < task.ordinal && !reader.ended) await this.#readBatch(reader, task);
    const raw = reader.ended ? [] : await this.#readBatch(reader, task);
    const { batchSize, dropLast, rank, worldSize } = this.#samples.settings;
    if (raw.length === 0 || (dropLast && raw.length < batchSize)) return { type: 'end' };
    if (task.discard) return { type: 'nothing', skipped: [] };

    const { start, end } = partSlice(raw.length, rank, worldSize);
    const pending = raw.slice(start, end).map((sample, k) => this.#run(task, start + k, sample));
    const { samples, skipped } = await settle(pending);
    if (samples.length === 0) return { type: 'nothing', skipped };
    const value = await this.#samples.collate(samples, memory, task);
    return { type: 'batch', value, samples: samples.length, skipped };
  }

  #run(task: StreamTask, position: number, sample: unknown): unknown {
    const context = this.#context(task, position);
    return this.#samples.run(() => sample, context);
  }

  #context(task: StreamTask, position: number): LoaderSampleContext {
    const { batchSize, seed } = this.#samples.settings;
    const index = task.shard * indicesPerShard + task.ordinal * batchSize + position;
    return new LoaderSampleContext(index, { epoch: task.epoch, seed, worker: this.#samples.worker });
  }

  #reader({ shard, epoch, ordinal }: StreamTask): ShardReader {
    const open = this.#readers.get(shard);
    if (open && open.epoch === epoch && open.position <= ordinal) return open;
    void open?.iterator.return?.();
    const { seed } = this.#samples.settings;
    const numShards = this.#dataset.numShards ?? 1;
    const stream = this.#dataset.iterate({ epoch, seed, shard, numShards, worker: this.#samples.worker });
    const iterator =
      Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]();
    const reader = { epoch, iterator, position: 0, ended: false };
    this.#readers.set(shard, reader);
    return reader;
  }

  async #readBatch(reader: ShardReader, task: StreamTask): Promise<unknown[]> {
    const samples: unknown[] = [];
    const { batchSize } = this.#samples.settings;
    while (samples.length < batchSize) {
      const next = await this.#next(reader, task, samples.length);
      if (next.done) {
        reader.ended = true;
        break;
      }
      samples.push(next.value);
    }
    reader.position += 1;
    return samples;
  }

  async #next(reader: ShardReader, task: StreamTask, position: number): Promise<IteratorResult<unknown>> {
    try {
      return await reader.iterator.next();
    } catch (cause) {
      // A stream cannot go on behind an error, so there is nothing to skip to.
      reader.ended = true;
      throw this.#samples.failure(this.#context({ ...task, ordinal: reader.position }, position), cause);
    }
  }
}
