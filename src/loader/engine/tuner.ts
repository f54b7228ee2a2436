import type { BatchEngine } from './batch-engine.js';

/** How a stretch of a run went. */
export interface RunPeriod {
  readonly elapsedMs: number;
  /** Time that the consumer waited for batches. */
  readonly waitMs: number;
  /** Time spent making batches, added up over the workers. */
  readonly makeMs: number;
}

export interface TunerOptions {
  readonly numWorkers: number;
  /** The most workers there may be; the number stays as it is when both are equal. */
  readonly maxWorkers: number;
  readonly prefetchFactor: number;
  /** The most batches a worker may make ahead; likewise. */
  readonly maxPrefetchFactor: number;
  /** Why there are no workers, where they were wanted. */
  readonly reason?: string | undefined;
}

/** A consumer that waits for less than this share of the time is not worth more workers. */
const fewWaits = 0.05;
/** Workers that make batches for more than this share of the time are busy. */
const busyShare = 0.6;
/** Workers that are idle for this long in a row are given up one by one. */
const idlePeriods = 8;
const idleShare = 0.3;

/**
 * Finds numbers of workers and of batches ahead that keep the consumer from waiting: where it waits and the workers are busy it
 * takes one more, where it waits and they are idle it lets them work further ahead, and workers with nothing to do go.
 */
export class Tuner {
  readonly #options: TunerOptions;
  #numWorkers: number;
  #prefetchFactor: number;
  #idle = 0;
  /** Fewer workers were not enough, and would not be again: without it the number would swing to and fro. */
  #fewest: number;
  #why = 'as configured';

  constructor(options: TunerOptions) {
    this.#options = options;
    this.#numWorkers = options.numWorkers;
    this.#prefetchFactor = options.prefetchFactor;
    this.#fewest = options.maxWorkers > options.numWorkers ? 1 : options.numWorkers;
    if (this.mayChange) this.#why = 'no reason to change so far';
  }

  /** Whether there is anything to find. */
  get mayChange(): boolean {
    const { numWorkers, maxWorkers, prefetchFactor, maxPrefetchFactor } = this.#options;
    return maxWorkers > numWorkers || maxPrefetchFactor > prefetchFactor;
  }

  get numWorkers(): number {
    return this.#numWorkers;
  }

  get prefetchFactor(): number {
    return this.#prefetchFactor;
  }

  /** What was chosen, and why: one line. */
  get decision(): string {
    if (this.#numWorkers === 0)
      return `no workers: ${this.#options.reason ?? 'batches are made on the thread that asks for them'}`;
    const workers = `${this.#numWorkers} ${this.#numWorkers === 1 ? 'worker' : 'workers'}`;
    return `${workers}, ${this.#prefetchFactor} batches ahead each: ${this.#why}`;
  }

  /** Looks at a period. @returns whether the numbers have changed */
  observe({ elapsedMs, waitMs, makeMs }: RunPeriod): boolean {
    const waits = waitMs / elapsedMs;
    const busy = makeMs / (elapsedMs * this.#numWorkers);
    if (waits >= fewWaits) {
      this.#idle = 0;
      return this.#more(`the consumer waited ${percent(waits)} of the time`, busy);
    }
    this.#idle = busy < idleShare ? this.#idle + 1 : 0;
    if (this.#idle < idlePeriods || this.#numWorkers <= this.#fewest) return false;
    this.#idle = 0;
    this.#numWorkers -= 1;
    this.#why = `one more was idle, at work ${percent(busy)} of the time, and the consumer waited ${percent(waits)}`;
    return true;
  }

  #more(consumer: string, busy: number): boolean {
    const workers = `the workers were busy ${percent(busy)} of it`;
    if (busy >= busyShare) {
      if (this.#numWorkers >= this.#options.maxWorkers) {
        this.#why = `${consumer} and ${workers}; no more workers are allowed`;
        return false;
      }
      this.#numWorkers += 1;
      this.#fewest = this.#numWorkers;
      this.#why = `with one fewer ${consumer}, and ${workers}`;
      return true;
    }
    if (this.#prefetchFactor >= this.#options.maxPrefetchFactor) {
      this.#why = `${consumer}, though ${workers}; no more batches ahead are allowed`;
      return false;
    }
    this.#prefetchFactor = Math.min(this.#options.maxPrefetchFactor, this.#prefetchFactor * 2);
    this.#why = `with half as many ahead ${consumer}, though ${workers}`;
    return true;
  }
}

/** For an engine that has fewer workers than were wanted: none, or one a shard. */
export function fixedTuner({ numWorkers, window, reason }: BatchEngine): Tuner {
  const prefetchFactor = numWorkers && window / numWorkers;
  const maxima = { maxWorkers: numWorkers, maxPrefetchFactor: prefetchFactor };
  return new Tuner({ numWorkers, prefetchFactor, ...maxima, reason });
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
