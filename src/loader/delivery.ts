import { LoaderTimeoutError } from '../core/errors.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import type { BatchEngine } from './batch-engine.js';
import { type TaskResult, taskPlace } from './batch-task.js';
import type { EpochPlan, PlannedTask } from './epoch-plan.js';

/** A result with the task it belongs to, and how long the consumer waited for it. */
export interface Delivered {
  readonly planned: PlannedTask;
  readonly result: TaskResult;
  readonly waitMs: number;
  /** When it came: `performance.now()`. */
  readonly at: number;
}

export interface DeliveryOptions {
  /** Whether results come in the order of the plan, or as they are made. */
  readonly inOrder: boolean;
  /** Longest wait for one result; 0 waits for ever. */
  readonly timeoutMs: number;
}

interface UnderWay {
  readonly planned: PlannedTask;
  readonly result: MaybePromise<TaskResult>;
}

/** Runs a plan: keeps the engine's window full and gives the results one by one. */
export class Delivery {
  readonly #plan: EpochPlan;
  readonly #engine: BatchEngine;
  readonly #options: DeliveryOptions;
  readonly #underWay: UnderWay[] = [];
  #planFailure: { readonly error: unknown } | undefined;

  constructor(plan: EpochPlan, engine: BatchEngine, options: DeliveryOptions) {
    this.#plan = plan;
    this.#engine = engine;
    this.#options = options;
  }

  /** The next result, at once where the engine makes it at once; `undefined` after the last. */
  next(): MaybePromise<Delivered | undefined> {
    const started = performance.now();
    this.#fill(Math.max(1, this.#engine.window));
    if (this.#underWay.length === 0) {
      if (this.#planFailure) throw this.#planFailure.error;
      return undefined;
    }
    const [first] = this.#underWay as [UnderWay];
    if (!(first.result instanceof Promise))
      return this.#handOver({ entry: first, result: first.result }, started);
    return andThen(this.#wait(), (arrived) => this.#handOver(arrived, started));
  }

  /** Cancels what is under way. */
  end(): void {
    this.#engine.cancel();
  }

  #handOver({ entry, result }: Arrived, started: number): Delivered {
    const at = performance.now();
    const { planned } = entry;
    this.#underWay.splice(this.#underWay.indexOf(entry), 1);
    if (result.type === 'end' && planned.task.type === 'stream') this.#plan.ended?.(planned.task);
    // The workers go on while the consumer has this batch.
    this.#fill(this.#engine.window);
    return { planned, result, waitMs: at - started, at };
  }

  #fill(depth: number): void {
    while (this.#underWay.length < depth && !this.#planFailure) {
      try {
        const planned = this.#plan.next();
        if (!planned) return;
        this.#underWay.push({ planned, result: this.#engine.submit(planned.task) });
      } catch (error) {
        // The plan runs ahead: batches before the bad one are delivered first, however deep the prefetch.
        this.#planFailure = { error };
      }
    }
  }

  async #wait(): Promise<Arrived> {
    const { inOrder, timeoutMs } = this.#options;
    const arrival = async (entry: UnderWay): Promise<Arrived> => ({ entry, result: await entry.result });
    const next = inOrder ? arrival(this.#underWay[0]!) : Promise.race(this.#underWay.map(arrival));
    this.#engine.hold();
    try {
      if (timeoutMs === 0) return await next;
      return await withTimeout(next, this.#engine, timeoutMs, this.#underWay[0]!.planned);
    } finally {
      this.#engine.unhold();
    }
  }
}

interface Arrived {
  readonly entry: UnderWay;
  readonly result: TaskResult;
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
