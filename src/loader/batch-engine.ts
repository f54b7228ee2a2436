import type { MaybePromise } from '../core/maybe-promise.js';
import type { BatchTask, TaskResult } from './batch-task.js';
import type { DatasetFacts } from './dataset-facts.js';

/** Makes batches somewhere: on this thread or in workers. */
export interface BatchEngine {
  /** Tasks that may be under way at once; 0 makes each batch when it is asked for. */
  readonly window: number;
  /** Whether it has failed for good and must be replaced. */
  readonly broken: boolean;
  /** What the dataset is like, there where the batches are made. */
  facts(): Promise<DatasetFacts>;
  /** Begins a task. One that is made at once gives its result, or throws; otherwise failures are the promise's. */
  submit(task: BatchTask): MaybePromise<TaskResult>;
  /** Called around a wait for a result: only then must the engine keep the process alive. */
  hold(): void;
  unhold(): void;
  /** Tells which task a time-out met, and makes sure that nothing is left running. */
  abort(): Promise<void>;
  /** Drops the tasks under way; their results are not wanted any more. */
  cancel(): void;
  close(): Promise<void>;
}
