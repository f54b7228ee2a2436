import { type SourceTotal, SourceTotals } from '../core/source-totals.js';
import { type CountTokens, sizeOfBatch } from './batch-size.js';
import { difficultiesAt } from './curriculum-view.js';
import type { BatchDelivered, LoaderEvent, LoaderObserver } from './loader-events.js';

/** Stages in processing order. */
export const stageNames = ['storage', 'decode', 'transform', 'collate', 'handOff'] as const;

/**
 * A stage of a batch. `decode` is all of the dataset's own work; `handOff` is the wait of a finished batch on its way
 * to the consumer's thread.
 */
export type StageName = (typeof stageNames)[number];

/** Totals of a run since observation started. They never decrease. */
export interface RunTotals {
  readonly batches: number;
  readonly samples: number;
  readonly tokens: number;
  readonly bytes: number;
  /** Time from the first request to the last delivery, or to now while the consumer waits. */
  readonly elapsedMs: number;
  /** The part of it in which the consumer waited, including a wait in progress. */
  readonly waitMs: number;
  /** Time to make batches, by stage, summed over workers. */
  readonly stageMs: Readonly<Record<StageName, number>>;
  readonly skipped: number;
  readonly errors: number;
  /** Samples and tokens by source and pass, with the loader's `provenance`; otherwise empty. */
  readonly sources: readonly SourceTotal[];
}

/** The state of a run at one moment. */
export interface RunFigures extends RunTotals {
  /** Time of the last delivery, or of the start before the first one, in milliseconds since 1970. */
  readonly at: number;
  /** How long the consumer has been waiting for the next batch; 0 if it is not. */
  readonly waitingMs: number;
  readonly epoch: number;
  /** The last delivered batch of the epoch, from 0. */
  readonly batch: number;
  /** Batches in the epoch, if known. */
  readonly length: number | undefined;
  readonly samplesPerSecond: number;
  readonly tokensPerSecond: number;
  readonly bytesPerSecond: number;
  /**
   * Share of time that the consumer waited, 0 … 1. Covers, like the three rates, the time since this reader's
   * previous call.
   */
  readonly waitShare: number;
  /** Batches that are finished and waiting for the consumer. */
  readonly ready: number;
  /** Batches that are planned, whether finished or not. */
  readonly underWay: number;
  readonly numWorkers: number;
  /** Difficulty limit of each metric, with a curriculum. */
  readonly difficulties: Readonly<Record<string, number>>;
}

export interface RunStatisticsOptions {
  /**
   * Counts the tokens of a batch. @defaultValue the elements of its first integer tensor with at least two dimensions
   */
  readonly countTokens?: CountTokens | undefined;
}

interface Progress {
  readonly epoch: number;
  readonly batch: number;
  readonly ready: number;
  readonly underWay: number;
}

/** Sums up loader events. Pass {@link receive} to `loader.observe`. */
export class RunStatistics {
  readonly #countTokens: CountTokens | undefined;
  #batches = 0;
  #samples = 0;
  #tokens = 0;
  #bytes = 0;
  #waitMs = 0;
  #skipped = 0;
  #errors = 0;
  readonly #sources = new SourceTotals();
  #firstRequest: number | undefined;
  #lastDelivery = 0;
  #began = 0;
  #waitingSince: number | undefined;
  /** Time of all batches, and of those with measured stages. */
  #makeMs = 0;
  #measuredMs = 0;
  readonly #stageMs = { storage: 0, transform: 0, collate: 0 };
  #collateMs = 0;
  #handOffMs = 0;
  #progress: Progress = { epoch: 0, batch: 0, ready: 0, underWay: 0 };
  #run: { length: number | undefined; steps: number; numWorkers: number; sampler: object | undefined } = {
    length: undefined,
    steps: 1,
    numWorkers: 0,
    sampler: undefined,
  };

  constructor({ countTokens }: RunStatisticsOptions = {}) {
    this.#countTokens = countTokens;
  }

  /** Receives loader events. */
  readonly receive: LoaderObserver = (event: LoaderEvent) => {
    if (event.type === 'delivered') this.#deliver(event);
    else if (event.type === 'waiting') this.#waitingSince = event.since;
    else if (event.type === 'began') {
      this.#began ||= event.at;
      const { length, gradientAccumulationSteps: steps, numWorkers, sampler } = event;
      this.#run = { length, steps, numWorkers, sampler };
    } else if (event.type === 'tuned') this.#run = { ...this.#run, numWorkers: event.numWorkers };
    else if (event.type === 'ended') {
      this.#waitingSince = undefined;
      if (event.reason === 'failed') this.#errors += 1;
    }
  };

  /** Totals so far. */
  totals(): RunTotals {
    const measured = this.#measuredMs === 0 ? 0 : this.#makeMs / this.#measuredMs;
    const { storage, transform, collate } = this.#stageMs;
    const waitingMs = this.#waitingMs();
    const first = this.#firstRequest ?? this.#waitingSince;
    const last = waitingMs > 0 ? this.#waitingSince! + waitingMs : this.#lastDelivery;
    return {
      batches: this.#batches,
      samples: this.#samples,
      tokens: this.#tokens,
      bytes: this.#bytes,
      elapsedMs: first === undefined ? 0 : Math.max(0, last - first),
      waitMs: this.#waitMs + waitingMs,
      stageMs: {
        storage: storage * measured,
        decode: Math.max(0, this.#measuredMs - storage - transform - collate) * measured,
        transform: transform * measured,
        collate: collate * measured + this.#collateMs,
        handOff: this.#handOffMs,
      },
      skipped: this.#skipped,
      errors: this.#errors,
      sources: this.#sources.list(),
    };
  }

  /** Creates a reader whose rates cover the time since its own previous call. */
  reader(): () => RunFigures {
    let before: RunTotals | undefined;
    return () => {
      const totals = this.totals();
      const figures = { ...this.#now(), ...totals, ...ratesSince(totals, before) };
      before = totals;
      return figures;
    };
  }

  #now() {
    const { length, steps, numWorkers, sampler } = this.#run;
    const { epoch, batch } = this.#progress;
    const difficulties = difficultiesAt(sampler, epoch, Math.floor(batch / steps));
    const at = this.#lastDelivery || this.#began;
    return { at, waitingMs: this.#waitingMs(), ...this.#progress, length, numWorkers, difficulties };
  }

  #waitingMs(): number {
    if (this.#waitingSince === undefined) return 0;
    return Math.max(0, performance.timeOrigin + performance.now() - this.#waitingSince);
  }

  #deliver(event: BatchDelivered): void {
    const { at, epoch, batch, startedAt, makeMs, stages, readyAt, waitMs, collateMs, ready, underWay } =
      event;
    this.#waitingSince = undefined;
    this.#firstRequest ??= at - waitMs;
    this.#lastDelivery = at;
    this.#progress = { epoch, batch, ready, underWay };
    this.#waitMs += waitMs;
    this.#skipped += event.skipped.length;
    this.#makeMs += makeMs;
    this.#collateMs += collateMs;
    // Hand-off while the consumer is busy costs nothing.
    this.#handOffMs += Math.max(0, readyAt - Math.max(startedAt + makeMs, at - waitMs));
    if (stages) {
      this.#measuredMs += makeMs;
      this.#stageMs.storage += stages.storage;
      this.#stageMs.transform += stages.transform;
      this.#stageMs.collate += stages.collate;
    }
    if (event.samples === 0) return;
    this.#batches += 1;
    this.#samples += event.samples;
    const { bytes, tokens } = sizeOfBatch(event.value, this.#countTokens);
    this.#bytes += bytes;
    this.#tokens += tokens;
    if (event.origin) this.#sources.add(event.origin);
  }
}

function ratesSince(totals: RunTotals, before: RunTotals | undefined) {
  const since = (field: 'samples' | 'tokens' | 'bytes' | 'waitMs' | 'elapsedMs'): number =>
    totals[field] - (before?.[field] ?? 0);
  const elapsedMs = since('elapsedMs');
  const perSecond = (count: number): number => (elapsedMs === 0 ? 0 : (count * 1_000) / elapsedMs);
  return {
    samplesPerSecond: perSecond(since('samples')),
    tokensPerSecond: perSecond(since('tokens')),
    bytesPerSecond: perSecond(since('bytes')),
    waitShare: elapsedMs === 0 ? 0 : since('waitMs') / elapsedMs,
  };
}
