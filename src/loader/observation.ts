import { StageClock, type StageTimes, setStageClock } from '../core/stage-clock.js';
import type { LoaderEvent, LoaderListener } from '../monitor/loader-events.js';

// Asked once: it costs more than the time.
const { timeOrigin } = performance;

/** A moment of `performance.now()` on this thread as one that all threads share. */
export function sharedMoment(now: number): number {
  return timeOrigin + now;
}

/** Those who listen to a loader. */
export class Observation {
  readonly #listeners = new Set<LoaderListener>();

  /** Whether anybody does. Ask before putting an event together. */
  get active(): boolean {
    return this.#listeners.size > 0;
  }

  add(listener: LoaderListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: LoaderListener): void {
    this.#listeners.delete(listener);
  }

  emit(event: LoaderEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** How a batch was made. */
export interface MakingTimes {
  readonly worker: number | null;
  /** A shared moment, as are the others. */
  readonly startedAt: number;
  readonly makeMs: number;
  readonly stages: StageTimes | undefined;
}

/** Two readings of the clock a sample are too many for batches that are quickly made. */
const stagesEveryMs = 20;

/** Measures how batches are made on this thread, one after the other. */
export class MakingClock {
  readonly #worker: number | null;
  #clock: StageClock | undefined;
  #lastStages = Number.NEGATIVE_INFINITY;
  #started = 0;

  constructor(worker: number | null) {
    this.#worker = worker;
  }

  /** A batch is begun at `now`, a moment of this thread. */
  begin(now: number): void {
    this.#started = now;
    if (now - this.#lastStages < stagesEveryMs) return;
    this.#lastStages = now;
    this.#clock = new StageClock();
    setStageClock(this.#clock);
  }

  end(): MakingTimes {
    const stages = this.#clock?.times;
    if (this.#clock) setStageClock(undefined);
    this.#clock = undefined;
    const makeMs = performance.now() - this.#started;
    return { worker: this.#worker, startedAt: sharedMoment(this.#started), makeMs, stages };
  }
}
