import { type SourceTotal, SourceTotals } from '../../core/source-totals.js';
import type { SkippedSample } from '../batch/batch-result.js';
import type { Delivered } from './delivered.js';
import type { RunPeriod } from './tuner.js';

/** Statistics of a loader since its creation. */
export interface LoaderStats {
  /** Batches that this rank's loader delivered: one per micro-batch. */
  readonly batches: number;
  /** Samples in them. */
  readonly samples: number;
  /** Time that the consumer waited for batches, including a current wait. */
  readonly waitMs: number;
  /** Time from the first request to the last delivery, or to now while the consumer waits. */
  readonly elapsedMs: number;
  /** `waitMs / elapsedMs`: share of the run spent waiting for data, 0 … 1. */
  readonly waitShare: number;
  /** Time spent making batches, summed over the workers. */
  readonly makeMs: number;
  /** Current number of workers. */
  readonly numWorkers: number;
  /** Current number of batches that each makes ahead; 0 without workers. */
  readonly prefetchFactor: number;
  /** The choice of these two and its reason, in one line. */
  readonly tuning: string;
  /** Workers that died and were replaced under `onError: 'retry'`. */
  readonly restarts: number;
  /** Lent batches that were larger than their slot and got memory of their own. */
  readonly overflows: number;
  /** Samples that `onError: 'skip'` left out. */
  readonly skipped: number;
  /** The last of them, at most 100. */
  readonly skippedSamples: readonly SkippedSample[];
  /**
   * Batches that lost all their samples that way and contain another sample of their global batch, so that all ranks
   * take the same number of steps.
   */
  readonly standIns: number;
  /** Samples and tokens by source and pass, with `provenance`; otherwise empty. */
  readonly sources: readonly SourceTotal[];
}

const skippedKept = 100;

/** Minimum milliseconds and batches of a period. */
const periodMs = 100;
const periodBatches = 8;

interface PeriodStart {
  readonly at: number;
  readonly batches: number;
  readonly waitMs: number;
  readonly makeMs: number;
}

/** Counts deliveries. */
export class StatsRecorder {
  #batches = 0;
  #samples = 0;
  #waitMs = 0;
  #makeMs = 0;
  #overflows = 0;
  #skipped = 0;
  #skippedSamples: SkippedSample[] = [];
  #standIns = 0;
  readonly #sources = new SourceTotals();
  #firstRequest: number | undefined;
  #lastDelivery = 0;
  #waitingSince: number | undefined;
  #period: PeriodStart | undefined;

  /** Records since when the consumer waits, or that it no longer waits. */
  wait(since: number | undefined): void {
    this.#waitingSince = since;
  }

  record({ result, waitMs, makeMs, at }: Delivered): void {
    this.#waitingSince = undefined;
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
    this.#makeMs += makeMs;
    if (result.overflowed) this.#overflows += 1;
    if (result.standsIn) this.#standIns += 1;
    if (result.origin) this.#sources.add(result.origin);
  }

  /** The figures since the last period, if there are enough. The first period starts with the first batch. */
  takePeriod(): RunPeriod | undefined {
    const from = this.#period;
    const elapsedMs = this.#lastDelivery - (from?.at ?? this.#lastDelivery);
    if (from && (elapsedMs < periodMs || this.#batches - from.batches < periodBatches)) return undefined;
    this.#period = {
      at: this.#lastDelivery,
      batches: this.#batches,
      waitMs: this.#waitMs,
      makeMs: this.#makeMs,
    };
    if (!from) return undefined;
    return {
      elapsedMs,
      waitMs: this.#waitMs - from.waitMs,
      makeMs: this.#makeMs - from.makeMs,
      batches: this.#batches - from.batches,
    };
  }

  snapshot(): Omit<LoaderStats, 'numWorkers' | 'prefetchFactor' | 'tuning' | 'restarts'> {
    const since = this.#waitingSince;
    const until = since === undefined ? this.#lastDelivery : performance.now();
    const first = this.#firstRequest ?? since;
    const elapsedMs = first === undefined ? 0 : until - first;
    const waitMs = this.#waitMs + (since === undefined ? 0 : until - since);
    return {
      batches: this.#batches,
      samples: this.#samples,
      waitMs,
      elapsedMs,
      waitShare: elapsedMs === 0 ? 0 : waitMs / elapsedMs,
      makeMs: this.#makeMs,
      overflows: this.#overflows,
      skipped: this.#skipped,
      skippedSamples: this.#skippedSamples,
      standIns: this.#standIns,
      sources: this.#sources.list(),
    };
  }
}
