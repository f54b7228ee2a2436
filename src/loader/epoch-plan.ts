import type { IndexArray } from '../core/dataset.js';
import { IndexRangeError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { partSlice } from '../core/part-slice.js';
import type { BatchSampler as BatchSource } from '../core/sampler.js';
import { BatchSampler } from '../samplers/index.js';
import type { BatchTask, StreamTask } from './batch-task.js';

/** A task in the order of delivery. */
export interface PlannedTask {
  readonly task: BatchTask;
  /** State of a stateful sampler right after it gave this batch. */
  readonly samplerState: JsonObject | undefined;
}

/** Says which batches an epoch has, one by one. It runs ahead of delivery by the depth of prefetch. */
export interface EpochPlan {
  next(): PlannedTask | undefined;
  /** The shard of this task has ended. */
  ended?(task: StreamTask): void;
}

/** Where a pass begins. */
export interface PassStart {
  readonly epoch: number;
  /** Batches of the epoch that were delivered before. */
  readonly batch: number;
  /** Batches behind that were delivered before, too: out-of-order delivery was under way. */
  readonly ahead: readonly number[];
}

/** This loader's part of every global batch, and what the dataset can be asked for. */
export interface MapPlanSettings {
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly rank: number;
  readonly worldSize: number;
  readonly datasetLength: number;
}

/** Plans an epoch over a map-style dataset from a sampler of batches. */
export class MapEpochPlan implements EpochPlan {
  readonly #source: BatchSource;
  readonly #batches: Iterator<IndexArray>;
  readonly #settings: MapPlanSettings;
  readonly #start: PassStart;
  readonly #ahead: ReadonlySet<number>;
  #batch: number;

  constructor(batchSampler: BatchSource, settings: MapPlanSettings, start: PassStart) {
    this.#source = batchSampler;
    this.#settings = settings;
    this.#start = start;
    this.#ahead = new Set(start.ahead);
    this.#batch = start.batch;
    batchSampler.setEpoch?.(start.epoch);
    if (start.batch > 0) batchSampler.seek?.(start.batch);
    this.#batches = batchSampler[Symbol.iterator]();
    if (!batchSampler.seek) for (let k = 0; k < start.batch; k++) this.#batches.next();
  }

  next(): PlannedTask | undefined {
    for (;;) {
      const drawn = this.#batches.next();
      if (drawn.done) return undefined;
      const batch = this.#batch++;
      if (this.#ahead.has(batch)) continue;
      const indices = this.#part(drawn.value, batch);
      const task = { type: 'indices', epoch: this.#start.epoch, batch, indices } as const;
      return { task, samplerState: this.#source.stateDict?.() };
    }
  }

  #part(globalBatch: IndexArray, batch: number): Int32Array | Float64Array {
    const { rank, worldSize, datasetLength } = this.#settings;
    const { start, end } =
      worldSize === 1
        ? { start: 0, end: globalBatch.length }
        : (this.#source.partSlice?.(globalBatch, rank, worldSize) ??
          partSlice(globalBatch.length, rank, worldSize));
    const indices = datasetLength <= 0x7fffffff ? new Int32Array(end - start) : new Float64Array(end - start);
    for (let i = start; i < end; i++) {
      const index = globalBatch[i]!;
      if (!Number.isInteger(index) || index < 0 || index >= datasetLength)
        throw outOfRange(this.#source, index, batch, datasetLength);
      indices[i - start] = index;
    }
    return indices;
  }
}

/**
 * Plans an epoch over an iterable dataset: batches are made inside a shard and taken from the shards in turn, so the
 * order is the same for any number of workers.
 */
export class StreamEpochPlan implements EpochPlan {
  readonly #start: PassStart;
  readonly #active: number[];
  readonly #ordinals: number[];
  #turn = 0;

  constructor(numShards: number, start: PassStart) {
    this.#start = start;
    this.#active = Array.from({ length: numShards }, (_, shard) => shard);
    this.#ordinals = new Array(numShards).fill(0);
  }

  next(): PlannedTask | undefined {
    if (this.#active.length === 0) return undefined;
    const shard = this.#active[this.#turn % this.#active.length]!;
    this.#turn = (this.#turn + 1) % this.#active.length;
    const ordinal = this.#ordinals[shard]!++;
    // Shards of unknown length hide which tasks will be batches, so only a single one can be read past for nothing.
    const discard = this.#ordinals.length === 1 && ordinal < this.#start.batch;
    return {
      task: { type: 'stream', epoch: this.#start.epoch, shard, ordinal, discard },
      samplerState: undefined,
    };
  }

  ended({ shard }: StreamTask): void {
    const place = this.#active.indexOf(shard);
    if (place < 0) return;
    this.#active.splice(place, 1);
    if (place < this.#turn) this.#turn -= 1;
  }
}

function outOfRange(sampler: BatchSource, index: number, batch: number, length: number): IndexRangeError {
  const { name } = (sampler instanceof BatchSampler ? sampler.sampler : sampler).constructor;
  const isNamed = name !== 'Array' && name !== 'Object';
  return new IndexRangeError(
    `${isNamed ? name : 'The sampler'} gave the index ${index}, which the dataset of ${length} samples does not have`,
    {
      where: { ...(isNamed && { sampler: name }), batch, index, length },
      next: 'A sampler gives whole numbers from 0 to length - 1; was it made for another dataset?',
    },
  );
}
