import { StageClock, type StageTimes, setStageClock, stageClock } from '../../core/stage-clock.js';

// Asked once: it costs more than the time.
const { timeOrigin } = performance;

/** A moment of `performance.now()` on this thread as one that all threads share. */
export function sharedMoment(now: number): number {
  return timeOrigin + now;
}

/** Now, as a shared moment. */
export function moment(): number {
  return sharedMoment(performance.now());
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

/** Measures the stages of batches that are made on this thread, one after the other: of some, where they are quickly made. */
export class StageSampler {
  #clock: StageClock | undefined;
  #last = Number.NEGATIVE_INFINITY;

  /** A batch is begun at `now`, a moment of this thread. */
  begin(now: number): void {
    if (now - this.#last < stagesEveryMs) return;
    this.#last = now;
    this.#clock = new StageClock();
    setStageClock(this.#clock);
  }

  /** The batch is made. @returns where its time went, if that was measured */
  end(): StageTimes | undefined {
    if (!this.#clock) return undefined;
    const { times } = this.#clock;
    // Another loader of this thread may have begun a batch meanwhile.
    if (stageClock() === this.#clock) setStageClock(undefined);
    this.#clock = undefined;
    return times;
  }
}
