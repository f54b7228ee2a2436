import { StageClock, type StageTimes, setStageClock, stageClock } from '../../core/stage-clock.js';

// Read once: it costs more than reading the time.
const { timeOrigin } = performance;

/** Converts a time of `performance.now()` on this thread to the clock that all threads share. */
export function sharedMoment(now: number): number {
  return timeOrigin + now;
}

/** The current time on the shared clock. */
export function moment(): number {
  return sharedMoment(performance.now());
}

/** Times of making a batch. */
export interface MakingTimes {
  readonly worker: number | null;
  /** On the shared clock, like the others. */
  readonly startedAt: number;
  readonly makeMs: number;
  readonly stages: StageTimes | undefined;
}

/** Two clock readings per sample are too many for batches that are made quickly. */
const stagesEveryMs = 20;

/** Measures the stages of batches made on this thread, one after the other; only some, if they are made quickly. */
export class StageSampler {
  #clock: StageClock | undefined;
  #last = Number.NEGATIVE_INFINITY;

  /** Starts a batch at `now`, a time of this thread. */
  begin(now: number): void {
    if (now - this.#last < stagesEveryMs) return;
    this.#last = now;
    this.#clock = new StageClock();
    setStageClock(this.#clock);
  }

  /** Ends the batch. @returns its time per stage, if measured */
  end(): StageTimes | undefined {
    if (!this.#clock) return undefined;
    const { times } = this.#clock;
    // Another loader of this thread may have started a batch meanwhile.
    if (stageClock() === this.#clock) setStageClock(undefined);
    this.#clock = undefined;
    return times;
  }
}
