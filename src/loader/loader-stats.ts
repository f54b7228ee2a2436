import type { SkippedSample } from './batch-task.js';
import type { Delivered } from './delivery.js';

/** How a loader has been doing since it was made. */
export interface LoaderStats {
  /** Batches delivered. */
  readonly batches: number;
  /** Samples in them. */
  readonly samples: number;
  /** Time the consumer spent waiting for batches. */
  readonly waitMs: number;
  /** Time between the first request and the last delivery. */
  readonly elapsedMs: number;
  /** `waitMs / elapsedMs`: how much of the run went into waiting for data, 0 … 1. */
  readonly waitShare: number;
  /** Time spent making batches, added up over the workers. */
  readonly makeMs: number;
  readonly numWorkers: number;
  readonly prefetchFactor: number;
  /** Samples that `onError: 'skip'` left out. */
  readonly skipped: number;
  /** The last of them, at most 100. */
  readonly skippedSamples: readonly SkippedSample[];
}

const skippedKept = 100;

/** Counts deliveries. */
export class StatsRecorder {
  readonly #numWorkers: number;
  readonly #prefetchFactor: number;
  #batches = 0;
  #samples = 0;
  #waitMs = 0;
  #makeMs = 0;
  #skipped = 0;
  #skippedSamples: SkippedSample[] = [];
  #firstRequest: number | undefined;
  #lastDelivery = 0;

  constructor(numWorkers: number, prefetchFactor: number) {
    this.#numWorkers = numWorkers;
    this.#prefetchFactor = prefetchFactor;
  }

  record({ result, waitMs, at }: Delivered): void {
    this.#lastDelivery = at;
    this.#firstRequest ??= this.#lastDelivery - waitMs;
    this.#waitMs += waitMs;
    if (result.type === 'end') return;
    if (result.skipped.length > 0) {
      this.#skipped += result.skipped.length;
      this.#skippedSamples = [...this.#skippedSamples, ...result.skipped].slice(-skippedKept);
    }
    if (result.type === 'nothing') return;
    this.#batches += 1;
    this.#samples += result.samples;
    this.#makeMs += result.makeMs;
  }

  snapshot(): LoaderStats {
    const elapsedMs = this.#firstRequest === undefined ? 0 : this.#lastDelivery - this.#firstRequest;
    return {
      batches: this.#batches,
      samples: this.#samples,
      waitMs: this.#waitMs,
      elapsedMs,
      waitShare: elapsedMs === 0 ? 0 : this.#waitMs / elapsedMs,
      makeMs: this.#makeMs,
      numWorkers: this.#numWorkers,
      prefetchFactor: this.#prefetchFactor,
      skipped: this.#skipped,
      skippedSamples: this.#skippedSamples,
    };
  }
}
