import { LoaderTimeoutError } from '../core/errors.js';
import type { BatchEngine } from './batch-engine.js';
import { type TaskResult, taskPlace } from './batch-task.js';
import type { EpochPlan, PlannedTask } from './epoch-plan.js';

/** A result with the task it belongs to, and how long the consumer waited for it. */
export interface Delivered {
  readonly planned: PlannedTask;
  readonly result: TaskResult;
  readonly waitMs: number;
}

export interface DeliveryOptions {
  /** Whether results come in the order of the plan, or as they are made. */
  readonly inOrder: boolean;
  /** Longest wait for one result; 0 waits for ever. */
  readonly timeoutMs: number;
}

interface UnderWay {
  readonly planned: PlannedTask;
  readonly result: Promise<TaskResult>;
}

/**
 * Runs a plan: keeps the engine's window full and gives the results one by one. Leaving the loop early cancels what is
 * under way.
 */
export async function* deliver(
  plan: EpochPlan,
  engine: BatchEngine,
  { inOrder, timeoutMs }: DeliveryOptions,
): AsyncGenerator<Delivered> {
  const underWay: UnderWay[] = [];
  let planFailure: { readonly error: unknown } | undefined;
  const fill = (depth: number): void => {
    while (underWay.length < depth && !planFailure) {
      try {
        const planned = plan.next();
        if (!planned) return;
        underWay.push({ planned, result: engine.submit(planned.task) });
      } catch (error) {
        // The plan runs ahead: batches before the bad one are delivered first, however deep the prefetch.
        planFailure = { error };
      }
    }
  };
  try {
    for (;;) {
      fill(Math.max(1, engine.window));
      if (underWay.length === 0) {
        if (planFailure) throw planFailure.error;
        return;
      }
      const started = performance.now();
      const next = await waitFor(engine, timeoutMs, underWay, inOrder);
      const waitMs = performance.now() - started;
      underWay.splice(underWay.indexOf(next.entry), 1);
      const { planned } = next.entry;
      if (next.result.type === 'end' && planned.task.type === 'stream') plan.ended?.(planned.task);
      // The workers go on while the consumer has this batch.
      fill(engine.window);
      yield { planned, result: next.result, waitMs };
    }
  } finally {
    engine.cancel();
  }
}

interface Arrived {
  readonly entry: UnderWay;
  readonly result: TaskResult;
}

async function waitFor(
  engine: BatchEngine,
  timeoutMs: number,
  underWay: readonly UnderWay[],
  inOrder: boolean,
): Promise<Arrived> {
  const arrival = async (entry: UnderWay): Promise<Arrived> => ({ entry, result: await entry.result });
  const next = inOrder ? arrival(underWay[0]!) : Promise.race(underWay.map(arrival));
  engine.hold();
  try {
    return timeoutMs === 0 ? await next : await withTimeout(next, engine, timeoutMs, underWay[0]!.planned);
  } finally {
    engine.unhold();
  }
}

async function withTimeout<T>(
  result: Promise<T>,
  engine: BatchEngine,
  timeoutMs: number,
  { task }: PlannedTask,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = Symbol('expired');
  const clock = new Promise<typeof expired>((resolve) => {
    timer = setTimeout(() => resolve(expired), timeoutMs);
  });
  try {
    const first = await Promise.race([result, clock]);
    if (first !== expired) return first;
  } finally {
    clearTimeout(timer);
  }
  result.catch(() => {});
  // A worker in an endless loop answers nothing any more: only ending the thread stops it.
  await engine.abort();
  throw new LoaderTimeoutError(`A batch took longer than ${timeoutMs} ms`, {
    where: taskPlace(task),
    next: 'Look at what the dataset does for these samples (an endless loop? a request without an answer?), or raise timeoutMs.',
  });
}
