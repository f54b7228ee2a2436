import { LoaderTimeoutError } from '../../core/errors.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { locationOfTask } from '../order/batch-task.js';
import type { EpochPlan, PlannedTask } from '../order/epoch-plan.js';
import type { BatchEngine } from './batch-engine.js';
import type { Delivered, ObservedLife } from './delivered.js';
import { sharedMoment } from './making-times.js';
import type { Observation } from './observation.js';
import { Ticket } from './ticket.js';

export interface DeliveryOptions {
  /** Whether results are delivered in the order of the plan, or as they are made. */
  readonly inOrder: boolean;
  /** Maximum wait for one result, in milliseconds; 0 for no limit. */
  readonly timeoutMs: number;
  /** The registered observers. */
  readonly observation: Observation;
}

interface UnderWay {
  readonly planned: PlannedTask;
  readonly ticket: Ticket;
  /** Time of planning; `undefined` if the loader was not observed then. */
  readonly plannedAt: number | undefined;
}

/** A consumer that returns sooner than this takes batches as fast as they are delivered. */
const hurryMs = 0.1;

/** Runs a plan: keeps the engine's window full and returns the results one by one. */
export class Delivery {
  readonly #plan: EpochPlan;
  readonly #engine: BatchEngine;
  readonly #options: DeliveryOptions;
  readonly #underWay: UnderWay[] = [];
  #planFailure: { readonly error: unknown } | undefined;
  #ended = false;
  #lastHandOver = Number.NEGATIVE_INFINITY;

  constructor(plan: EpochPlan, engine: BatchEngine, options: DeliveryOptions) {
    this.#plan = plan;
    this.#engine = engine;
    this.#options = options;
  }

  /**
   * Returns the next result: synchronously if it is ready or can be made synchronously; `undefined` after the last.
   *
   * @param waitingSince - When the consumer asked, if it waited before this call.
   */
  next(waitingSince?: number): MaybePromise<Delivered | undefined> {
    const started = performance.now();
    const asked = waitingSince ?? started;
    const ready = this.#ready();
    if (ready >= 0) return this.#handOver(ready, started, asked);
    this.#fill(Math.max(1, this.#engine.window), started);
    if (this.#underWay.length === 0) {
      if (this.#planFailure) throw this.#planFailure.error;
      return undefined;
    }
    const made = this.#ready();
    return made >= 0 ? this.#handOver(made, started, asked) : this.#wait(started, asked);
  }

  /** Cancels the tasks in progress; a waiting consumer gets the reason as an error. */
  end(reason?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#engine.cancel();
    if (reason) for (const { ticket } of this.#underWay) ticket.reject(reason);
  }

  /** Index in `#underWay` of a result that can be delivered, or -1. */
  #ready(): number {
    const { inOrder } = this.#options;
    if (inOrder || this.#underWay.length === 0) return this.#underWay[0]?.ticket.settled ? 0 : -1;
    return this.#underWay.findIndex(({ ticket }) => ticket.settled);
  }

  #handOver(entry: number, started: number, asked: number): Delivered {
    const handed = this.#underWay[entry]!;
    const { planned, ticket } = handed;
    const result = ticket.take();
    const at = performance.now();
    if (entry === 0) this.#underWay.shift();
    else this.#underWay.splice(entry, 1);
    if (result.type === 'end' && planned.task.type === 'stream') this.#plan.ended?.(planned.task);
    // The workers continue while the consumer uses this batch. A fast consumer returns at once: then group tasks,
    // because a message costs more than a small batch.
    const { window } = this.#engine;
    const hurried = started - this.#lastHandOver < hurryMs;
    if (!hurried || this.#underWay.length <= window >> 1) this.#fill(window, at);
    this.#lastHandOver = at;
    const waitMs = at - asked;
    const life = this.#options.observation.active ? this.#lifeOf(handed, at, started) : undefined;
    return { planned, result, waitMs, makeMs: ticket.makeMs ?? at - started, at, life };
  }

  /** Times that were not measured, because the batch was started before the first observer, count as now. */
  #lifeOf({ ticket, plannedAt }: UnderWay, at: number, started: number): ObservedLife {
    const { making, readyAt } = ticket;
    const asked = sharedMoment(started);
    let ready = 0;
    for (const other of this.#underWay) if (other.ticket.settled) ready += 1;
    return {
      plannedAt: plannedAt ?? asked,
      making: making ?? { worker: null, startedAt: asked, makeMs: at - started, stages: undefined },
      readyAt: readyAt ?? sharedMoment(at),
      ready,
      underWay: this.#underWay.length,
    };
  }

  /** @param now - A moment of this thread. */
  #fill(depth: number, now: number): void {
    const plannedAt = this.#options.observation.active ? sharedMoment(now) : undefined;
    while (this.#underWay.length < depth && !this.#planFailure) {
      try {
        const planned = this.#plan.next();
        if (!planned) break;
        const ticket = new Ticket(planned.task);
        this.#underWay.push({ planned, ticket, plannedAt });
        this.#engine.submit(ticket);
      } catch (error) {
        // The plan runs ahead: batches before the bad one are delivered first, however deep the prefetch.
        this.#planFailure = { error };
      }
    }
    this.#engine.flush();
  }

  async #wait(started: number, asked: number): Promise<Delivered> {
    const { inOrder, timeoutMs, observation } = this.#options;
    observation.wait(asked);
    const awaited = inOrder ? [this.#underWay[0]!] : this.#underWay;
    const arrival = new Promise<void>((resolve) => {
      for (const { ticket } of awaited) ticket.onSettled(resolve);
    });
    this.#engine.ref();
    try {
      if (timeoutMs === 0) await arrival;
      else await withTimeout(arrival, this.#engine, timeoutMs, this.#underWay[0]!.planned);
    } finally {
      this.#engine.unref();
    }
    return this.#handOver(this.#ready(), started, asked);
  }
}

async function withTimeout(
  arrival: Promise<void>,
  engine: BatchEngine,
  timeoutMs: number,
  { task }: PlannedTask,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = Symbol('expired');
  const clock = new Promise<typeof expired>((resolve) => {
    timer = setTimeout(() => resolve(expired), timeoutMs);
  });
  try {
    if ((await Promise.race([arrival, clock])) !== expired) return;
  } finally {
    clearTimeout(timer);
  }
  // A worker in an endless loop does not respond: only ending the thread stops it.
  await engine.abort();
  throw new LoaderTimeoutError(`A batch took longer than ${timeoutMs} ms`, {
    where: locationOfTask(task),
    next: 'Check what the dataset does for these samples (an endless loop, a request without a response), or raise timeoutMs.',
  });
}
