import type { JsonObject } from '../../core/json.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import type { SampleOrigin } from '../../core/sample-origin.js';
import type { BatchTask } from '../order/batch-task.js';
import type { BatchMemory } from './batch-memory.js';

/** A sample that `onError: 'skip'` left out. */
export interface SkippedSample {
  readonly index: number;
  readonly epoch: number;
  /** Message of the error that prevented it. */
  readonly reason: string;
}

/** A finished batch. */
export interface BatchResult {
  readonly type: 'batch';
  /** The batch, or the samples if the main thread will collate. */
  readonly value: unknown;
  readonly samples: number;
  readonly skipped: readonly SkippedSample[];
  /** Where its samples come from, with `provenance`. */
  readonly origin?: readonly SampleOrigin[];
  /** Whether all its own samples failed, so that it contains another sample of its global batch. */
  readonly standsIn?: boolean;
  /** Whether it was larger than its slot. */
  readonly overflowed?: boolean;
  /** State of the stream right after the batch, if the stream has one. */
  readonly streamState?: JsonObject;
  /** Releases the memory of a lent batch. */
  readonly release?: () => void;
}

/** Outcome of a task. */
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
