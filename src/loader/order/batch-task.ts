import type { JsonObject } from '../../core/json.js';
import type { Positions } from '../../core/sampler.js';

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

/** Where a task was, for an error message. */
export function locationOfTask(task: BatchTask): Record<string, string | number> {
  if (task.type === 'stream') return { epoch: task.epoch, shard: task.shard, batchOfShard: task.ordinal };
  const { epoch, batch, indices } = task;
  const shown =
    indices.length > 8 ? `${indices.slice(0, 8).join(', ')}, … (${indices.length})` : indices.join(', ');
  return { epoch, batch, indices: `[${shown}]` };
}
