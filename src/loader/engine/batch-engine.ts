import type { DatasetFacts } from '../order/dataset-facts.js';
import type { Ticket } from './ticket.js';

/** Makes batches somewhere: on this thread or in workers. */
export interface BatchEngine {
  /** Threads that make batches besides this one. */
  readonly numWorkers: number;
  /** Tasks that may be under way at once; 0 makes each batch when it is asked for. */
  readonly window: number;
  /** Whether it has failed for good and must be replaced. */
  readonly broken: boolean;
  /** Workers that were replaced because they died. */
  readonly restarts: number;
  /** Why it does without workers, where they were wanted. */
  readonly reason?: string | undefined;
  /** What the dataset is like, there where the batches are made. */
  facts(): Promise<DatasetFacts>;
  /** Takes a task, and settles its ticket when the batch is there: at once, where that is possible. */
  submit(ticket: Ticket): void;
  /** Sends off what was submitted: tasks that are far away travel together. */
  flush(): void;
  /** Uses other numbers of workers and of batches ahead from now on. */
  resize(numWorkers: number, prefetchFactor: number): void;
  /** Says with each batch from now on how it was made, or does not any more. */
  observe(on: boolean): void;
  /** Called around a wait for a result: only then must the engine keep the process alive. */
  ref(): void;
  unref(): void;
  /** Ends everything at once, because a task does not come back. */
  abort(): Promise<void>;
  /** Drops the tasks under way; their results are not wanted any more. */
  cancel(): void;
  close(): Promise<void>;
}
