import type { Rearrangement } from '../amend/rearrangement.js';
import type { DatasetFacts } from '../order/dataset-facts.js';
import type { Ticket } from './ticket.js';

/** Makes batches, on this thread or in workers. */
export interface BatchEngine {
  /** Number of worker threads. */
  readonly numWorkers: number;
  /** Maximum number of tasks in progress; 0 makes each batch on request. */
  readonly window: number;
  /** Whether it has failed for good and must be replaced. */
  readonly broken: boolean;
  /** Workers that were replaced because they died. */
  readonly restarts: number;
  /** Why the engine has no workers although some were requested. */
  readonly reason?: string | undefined;
  /** The facts of the dataset on the thread that makes the batches. */
  facts(): Promise<DatasetFacts>;
  /** Accepts a task and settles its ticket when the batch is ready: immediately if possible. */
  submit(ticket: Ticket): void;
  /** Sends the submitted tasks: several tasks of a worker share a message. */
  flush(): void;
  /** Changes the numbers of workers and of batches ahead. */
  resize(numWorkers: number, prefetchFactor: number): void;
  /** Takes the samples of later tasks from the same data in another arrangement. An engine without it is replaced. */
  rearrange?(rearrangement: Rearrangement): void;
  /** Starts or stops measuring how each batch is made. */
  observe(on: boolean): void;
  /** Called around a wait for a result: only then must the engine keep the process alive. */
  ref(): void;
  unref(): void;
  /** Ends all threads immediately, because a task has timed out. */
  abort(): Promise<void>;
  /** Drops the tasks in progress and their results. */
  cancel(): void;
  close(): Promise<void>;
}
