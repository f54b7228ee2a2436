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
  #settled = false;
  #result: TaskResult | undefined;
  #error: unknown;

  constructor(task: BatchTask) {
    this.task = task;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** The result. @throws the error that it was settled with */
  take(): TaskResult {
    if (!this.#result) throw this.#error;
    return this.#result;
  }

  resolve(result: TaskResult): void {
    this.#settle(result, undefined);
  }

  reject(error: unknown): void {
    this.#settle(undefined, error);
  }

  /** Calls `listener` when the ticket is settled, once. */
  onSettled(listener: () => void): void {
    this.#listener = listener;
  }

  #settle(result: TaskResult | undefined, error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#result = result;
    this.#error = error;
    this.#listener?.();
    this.#listener = undefined;
  }
}
