import type { IndexArray } from '../../core/dataset.js';
import type { JsonObject } from '../../core/json.js';
import type { Positions } from '../../core/sampler.js';

/** Makes the batch of these samples. */
export interface IndexTask {
  readonly type: 'indices';
  readonly epoch: number;
  /** Number of the batch in its epoch; with gradient accumulation, micro-batches count. */
  readonly batch: number;
  /** Number of its global batch in the run; absent from a task that is only compared with another. */
  readonly globalStep?: number;
  /** The samples of this rank. */
  readonly indices: IndexArray;
  /** Their positions in the epoch's order over all ranks, on which their random numbers depend. */
  readonly positions: Positions;
  /** All samples of the global batch, if one of them may replace `indices` when none of these can be made. */
  readonly others?: Float64Array | undefined;
}

/** A position from which a shard of an iterable dataset can continue. */
export interface ShardResume {
  /** Number of batches of the shard before it. */
  readonly ordinal: number;
  /** The state of the stream at this position. */
  readonly state: JsonObject;
}

/** Makes batch `ordinal` of one shard of an iterable dataset. */
export interface StreamTask {
  readonly type: 'stream';
  readonly epoch: number;
  readonly shard: number;
  readonly ordinal: number;
  /** Whether the batch was delivered before and is only read past. */
  readonly discard: boolean;
  /** A position to continue from, instead of the start of the shard. */
  readonly resume?: ShardResume;
}

export type BatchTask = IndexTask | StreamTask;

/** Location of a task, for an error message. */
export function locationOfTask(task: BatchTask): Record<string, string | number> {
  if (task.type === 'stream') return { epoch: task.epoch, shard: task.shard, batchOfShard: task.ordinal };
  const { epoch, batch, indices } = task;
  const first = Array.from({ length: Math.min(8, indices.length) }, (_, i) => indices[i]).join(', ');
  const shown = indices.length > 8 ? `${first}, … (${indices.length})` : first;
  return { epoch, batch, indices: `[${shown}]` };
}
