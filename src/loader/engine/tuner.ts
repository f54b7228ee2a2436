import type { BatchEngine } from './batch-engine.js';

/** Figures of a period of a run. */
export interface RunPeriod {
  readonly elapsedMs: number;
  /** Time that the consumer waited for batches. */
  readonly waitMs: number;
  /** Time spent making batches, summed over the workers. */
  readonly makeMs: number;
  /** Batches that were delivered. */
  readonly batches: number;
}

export interface TunerOptions {
  readonly numWorkers: number;
  /** Maximum number of workers; if it equals the current number, that is fixed. */
  readonly maxWorkers: number;
  readonly prefetchFactor: number;
  /** Maximum number of batches that a worker makes ahead; likewise. Four times as many if they are tiny. */
  readonly maxPrefetchFactor: number;
  /** Why there are no workers, if some were requested. */
  readonly reason?: string | undefined;
}

/** If the consumer waits for less than this share of the time, more workers are not worth it. */
const fewWaits = 0.05;
/** Workers that make batches for more than this share of the time are busy. */
const busyShare = 0.6;
/**
 * Batches that are made in less than this are tiny (a number or a few per sample), and messages cost more than they do. More of them ahead
 * share a message.
 */
const tinyMs = 0.02;
const tinyFactor = 4;
/** Number of idle periods in a row after which workers are removed one by one. */
const idlePeriods = 8;
const idleShare = 0.3;

/**
 * Finds numbers of workers and of batches ahead at which the consumer does not wait. If it waits and the workers are
 * busy, the tuner adds one. If it waits and they are idle, it lets them work further ahead. It removes workers with
 * nothing to do.
 */
export class Tuner {
  readonly #options: TunerOptions;
  #numWorkers: number;
  #prefetchFactor: number;
  #idle = 0;
  /** A number of workers that was too low before. Without it, the number would oscillate. */
  #fewest: number;
  #why = 'as configured';

  constructor(options: TunerOptions) {
    this.#options = options;
    this.#numWorkers = options.numWorkers;
    this.#prefetchFactor = options.prefetchFactor;
    this.#fewest = options.maxWorkers > options.numWorkers ? 1 : options.numWorkers;
    if (this.mayChange) this.#why = 'no reason to change so far';
  }

  /** Whether there is anything to tune. */
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

  /** The choice and its reason, in one line. */
  get decision(): string {
    if (this.#numWorkers === 0)
      return `no workers: ${this.#options.reason ?? 'batches are made on the thread that asks for them'}`;
    const workers = `${this.#numWorkers} ${this.#numWorkers === 1 ? 'worker' : 'workers'}`;
    return `${workers}, ${this.#prefetchFactor} batches ahead each: ${this.#why}`;
  }

  /** Evaluates a period. @returns whether the numbers have changed */
  observe({ elapsedMs, waitMs, makeMs, batches }: RunPeriod): boolean {
    const waits = waitMs / elapsedMs;
    const busy = makeMs / (elapsedMs * this.#numWorkers);
    if (waits >= fewWaits) {
      this.#idle = 0;
      const { maxPrefetchFactor } = this.#options;
      const limit = makeMs < tinyMs * batches ? tinyFactor * maxPrefetchFactor : maxPrefetchFactor;
      return this.#more(`the consumer waited ${percent(waits)} of the time`, busy, limit);
    }
    this.#idle = busy < idleShare ? this.#idle + 1 : 0;
    if (this.#idle < idlePeriods || this.#numWorkers <= this.#fewest) return false;
    this.#idle = 0;
    this.#numWorkers -= 1;
    this.#why = `one more was idle, at work ${percent(busy)} of the time, and the consumer waited ${percent(waits)}`;
    return true;
  }

  /** @param limit - Maximum number of batches ahead. */
  #more(consumer: string, busy: number, limit: number): boolean {
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
    const { prefetchFactor, maxPrefetchFactor } = this.#options;
    if (this.#prefetchFactor >= limit || maxPrefetchFactor === prefetchFactor) {
      this.#why = `${consumer}, though ${workers}; no more batches ahead are allowed`;
      return false;
    }
    this.#prefetchFactor = Math.min(limit, this.#prefetchFactor * 2);
    this.#why = `with half as many ahead ${consumer}, though ${workers}`;
    return true;
  }
}

/** For an engine with fewer workers than requested: none, or one per shard. */
export function fixedTuner({ numWorkers, window, reason }: BatchEngine): Tuner {
  const prefetchFactor = numWorkers && window / numWorkers;
  const maxima = { maxWorkers: numWorkers, maxPrefetchFactor: prefetchFactor };
  return new Tuner({ numWorkers, prefetchFactor, ...maxima, reason });
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
