import type { TaskResult } from '../batch/batch-result.js';
import type { BatchTask } from '../order/batch-task.js';
import type { MakingTimes } from './making-times.js';

/** A task in progress. The engine settles it once. */
export class Ticket {
  readonly task: BatchTask;
  /** Time that a worker spent on it. */
  makeMs: number | undefined;
  /** How the batch was made and when this thread received it; `undefined` while the loader is not observed. */
  making: MakingTimes | undefined;
  readyAt: number | undefined;
  /** Called once, when the ticket is settled. */
  #listener: (() => void) | undefined;
  #outcome: { readonly result: TaskResult } | { readonly error: unknown } | undefined;

  constructor(task: BatchTask) {
    this.task = task;
  }

  get settled(): boolean {
    return this.#outcome !== undefined;
  }

  /** The result. @throws the error that it was settled with */
  take(): TaskResult {
    const outcome = this.#outcome!;
    if ('error' in outcome) throw outcome.error;
    return outcome.result;
  }

  resolve(result: TaskResult): void {
    this.#settle({ result });
  }

  reject(error: unknown): void {
    this.#settle({ error });
  }

  /** Calls `listener` when the ticket is settled, once. */
  onSettled(listener: () => void): void {
    this.#listener = listener;
  }

  #settle(outcome: { readonly result: TaskResult } | { readonly error: unknown }): void {
    this.#outcome ??= outcome;
    this.#listener?.();
    this.#listener = undefined;
  }
}
