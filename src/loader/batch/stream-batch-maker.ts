import type { IterableDataset, StatefulStream } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import { partSlice } from '../../core/part-slice.js';
import { hasMethod } from '../../core/property-of.js';
import { DrawContext } from '../../random/sample-context.js';
import type { StreamTask } from '../order/batch-task.js';
import type { BatchMemory } from './batch-memory.js';
import type { BatchMaker, TaskResult } from './batch-result.js';
import { firstMade, noSampleLeft, type SampleSteps, settle } from './sample-steps.js';

interface ShardReader {
  readonly epoch: number;
  readonly iterator: AsyncIterator<unknown> | Iterator<unknown>;
  readonly stream: Partial<StatefulStream>;
  /** Number of global batches read so far, and the last of them, whose micro-batches are made one by one. */
  position: number;
  last: readonly unknown[];
  /** State of the stream before and after the last global batch. */
  stateBefore: JsonObject | undefined;
  state: JsonObject | undefined;
  ended: boolean;
}

/** Samples are numbered across shards, so that each has its own random numbers. */
const indicesPerShard = 2 ** 40;

/**
 * Makes batches of an iterable dataset. Keeps one reader per shard; a task for a later batch reads past the batches
 * between, which other workers make.
 */
export class StreamBatchMaker implements BatchMaker<StreamTask> {
  readonly #dataset: IterableDataset<unknown>;
  readonly #samples: SampleSteps;
  readonly #readers = new Map<number, ShardReader>();
  /** Iterators that `iterate` has returned. */
  readonly #given = new WeakSet<object>();

  constructor(dataset: IterableDataset<unknown>, samples: SampleSteps) {
    this.#dataset = dataset;
    this.#samples = samples;
  }

  async make(task: StreamTask, memory: BatchMemory): Promise<TaskResult> {
    const { batchSize, dropLast, rank, worldSize, gradientAccumulationSteps } = this.#samples.settings;
    const batch = Math.floor(task.ordinal / gradientAccumulationSteps);
    const microBatch = task.ordinal % gradientAccumulationSteps;
    const reader = this.#reader(task, batch);
    while (reader.position <= batch && !reader.ended) await this.#readBatch(reader, task);
    const raw = reader.position === batch + 1 ? reader.last : [];
    if (raw.length === 0 || (dropLast && raw.length < batchSize)) return { type: 'end' };
    // A partly delivered global batch is read again.
    const state = microBatch === gradientAccumulationSteps - 1 ? reader.state : reader.stateBefore;
    const streamState = state && { streamState: state };
    if (task.discard) return { type: 'nothing', skipped: [], ...streamState };

    const micro = partSlice(raw.length, microBatch, gradientAccumulationSteps);
    const own = partSlice(micro.end - micro.start, rank, worldSize);
    const first = micro.start + own.start;
    const pending = raw
      .slice(first, micro.start + own.end)
      .map((sample, k) => this.#run(task, batch, first + k, sample));
    const { samples, skipped } = await settle(pending);
    if (samples.length === 0 && gradientAccumulationSteps * worldSize > 1) {
      const others = Array.from(raw.keys()).filter((k) => k < first || k >= first + pending.length);
      // As in `MapBatchMaker`, but a stream cannot read further than its global batch.
      const made = await firstMade(others, (k) => this.#run(task, batch, k, raw[k]));
      if (!made) throw noSampleLeft(task, skipped);
      const value = await this.#samples.collate([made.sample], memory, task);
      return { type: 'batch', value, samples: 1, skipped, standsIn: true, ...streamState };
    }
    if (samples.length === 0) return { type: 'nothing', skipped, ...streamState };
    const value = await this.#samples.collate(samples, memory, task);
    return { type: 'batch', value, samples: samples.length, skipped, ...streamState };
  }

  #run(task: StreamTask, batch: number, position: number, sample: unknown): unknown {
    const context = this.#context(task, batch, position);
    return this.#samples.run(() => sample, context);
  }

  #context(task: StreamTask, batch: number, position: number): DrawContext {
    const { batchSize, seed } = this.#samples.settings;
    const index = task.shard * indicesPerShard + batch * batchSize + position;
    return new DrawContext(index, {
      epoch: task.epoch,
      seed,
      worker: this.#samples.worker,
      position: index,
    });
  }

  /** The reader of a shard, which has not read past the batch. */
  #reader({ shard, epoch, resume }: StreamTask, batch: number): ShardReader {
    const open = this.#readers.get(shard);
    if (open && open.epoch === epoch && open.position <= batch + 1) return open;
    void open?.iterator.return?.();
    const { seed, gradientAccumulationSteps } = this.#samples.settings;
    const numShards = this.#dataset.numShards ?? 1;
    const position = resume ? Math.floor(resume.ordinal / gradientAccumulationSteps) : 0;
    const from = resume && position <= batch ? resume.state : undefined;
    const context = { epoch, seed, shard, numShards, worker: this.#samples.worker };
    const stream = this.#dataset.iterate(from ? { ...context, state: from } : context);
    this.#refuseUsedUp(stream);
    const iterator =
      Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]();
    const reader: ShardReader = {
      epoch,
      iterator,
      stream,
      position: from ? position : 0,
      last: [],
      stateBefore: undefined,
      state: from ?? stream.stateDict?.(),
      ended: false,
    };
    this.#readers.set(shard, reader);
    return reader;
  }

  /** A used iterator yields nothing: the epoch would end at once. */
  #refuseUsedUp(stream: object): void {
    if (!hasMethod(stream, 'next')) return;
    if (!this.#given.has(stream)) {
      this.#given.add(stream);
      return;
    }
    const message = 'returned the same iterator again, which is used up: return a new one from each call';
    throw new ConfigError('An iterable dataset', [{ field: 'iterate()', message }]);
  }

  async #readBatch(reader: ShardReader, task: StreamTask): Promise<void> {
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
    reader.last = samples;
    reader.stateBefore = reader.state;
    reader.state = reader.stream.stateDict?.();
  }

  async #next(reader: ShardReader, task: StreamTask, position: number): Promise<IteratorResult<unknown>> {
    try {
      return await reader.iterator.next();
    } catch (cause) {
      // A stream cannot continue after an error, so nothing can be skipped.
      reader.ended = true;
      throw this.#samples.failure(this.#context(task, reader.position, position), cause);
    }
  }
}
