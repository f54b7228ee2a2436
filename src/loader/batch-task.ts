import type { JsonObject } from '../core/json.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Positions } from '../core/sampler.js';
import type { BatchMemory } from './batch-memory.js';

/** Makes the batch of these samples. */
export interface IndexTask {
  readonly type: 'indices';
  readonly epoch: number;
  /** Number of the batch in its epoch: micro-batches count where gradients are accumulated. */
  readonly batch: number;
  /** The samples of this rank. */
  readonly indices: Int32Array | Float64Array;
  /** Their positions in the epoch's order over all ranks, which their random numbers depend on. */
  readonly positions: Positions;
  /** All samples of the global batch, where one of them may stand in when none of `indices` can be made. */
  readonly others?: Float64Array | undefined;
}

/** Where a shard of an iterable dataset can be gone on with. */
export interface ShardResume {
  /** Batches of the shard before it. */
  readonly ordinal: number;
  /** What the stream's `stateDict` gave there. */
  readonly state: JsonObject;
}

/** Makes batch `ordinal` of one shard of an iterable dataset. */
export interface StreamTask {
  readonly type: 'stream';
  readonly epoch: number;
  readonly shard: number;
  readonly ordinal: number;
  /** Whether the batch was delivered before and is only to be read past. */
  readonly discard: boolean;
  /** Where the shard need not be read from its start. */
  readonly resume?: ShardResume;
}

export type BatchTask = IndexTask | StreamTask;

/** A sample that `onError: 'skip'` left out. */
export interface SkippedSample {
  readonly index: number;
  readonly epoch: number;
  /** Message of the error that was in the way. */
  readonly reason: string;
}

/** A batch that was made. */
export interface BatchResult {
  readonly type: 'batch';
  /** The batch, or the bare samples where the main thread is to collate. */
  readonly value: unknown;
  readonly samples: number;
  readonly skipped: readonly SkippedSample[];
  /** Whether none of its own samples could be made, so that it holds another one of its global batch. */
  readonly standsIn?: boolean;
  /** Whether it was larger than the slot it was to be lent in. */
  readonly overflowed?: boolean;
  /** State of the stream right behind the batch, where it has one. */
  readonly streamState?: JsonObject;
  /** Gives the memory of a lent batch back. */
  readonly release?: () => void;
}

/** What became of a task. */
export type TaskResult =
  | BatchResult
  /** Nothing to deliver: every sample was skipped, or the batch had been delivered before. */
  | {
      readonly type: 'nothing';
      readonly skipped: readonly SkippedSample[];
      readonly streamState?: JsonObject;
    }
  /** The shard has no such batch. */
  | { readonly type: 'end' };

/** Makes batches from a dataset, one task at a time. */
export interface BatchMaker<Task extends BatchTask = BatchTask> {
  make(task: Task, memory: BatchMemory): MaybePromise<TaskResult>;
}

/** Where a task was, for an error message. */
export function locationOfTask(task: BatchTask): Record<string, string | number> {
  if (task.type === 'stream') return { epoch: task.epoch, shard: task.shard, batchOfShard: task.ordinal };
  const { epoch, batch, indices } = task;
  const shown =
    indices.length > 8 ? `${indices.slice(0, 8).join(', ')}, … (${indices.length})` : indices.join(', ');
  return { epoch, batch, indices: `[${shown}]` };
}
