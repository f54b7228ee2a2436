import type { JsonObject } from '../../core/json.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import type { BatchTask } from '../order/batch-task.js';
import type { BatchMemory } from './batch-memory.js';

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
