import type { TaskResult } from '../batch/batch-result.js';
import type { PlannedTask } from '../order/epoch-plan.js';
import type { MakingTimes } from './making-times.js';

/** Times of a batch, measured while the loader is observed. */
export interface ObservedLife {
  readonly plannedAt: number;
  readonly making: MakingTimes;
  readonly readyAt: number;
  /** Results that could be handed over, too. */
  readonly ready: number;
  readonly underWay: number;
}

/** A result with the task it belongs to, and how long the consumer waited for it. */
export interface Delivered {
  readonly planned: PlannedTask;
  readonly result: TaskResult;
  readonly waitMs: number;
  /** Time that making it took, wherever it was made. */
  readonly makeMs: number;
  /** When it came: `performance.now()`. */
  readonly at: number;
  /** `undefined` while the loader is not observed. */
  readonly life?: ObservedLife | undefined;
}
