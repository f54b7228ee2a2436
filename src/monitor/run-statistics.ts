import { type CountTokens, sizeOfBatch } from './batch-size.js';
import { difficultiesAt } from './curriculum-view.js';
import type { BatchDelivered, LoaderEvent, LoaderListener } from './loader-events.js';

/** Stages in the order in which a batch goes through them. */
export const stageNames = ['storage', 'decode', 'transform', 'collate', 'handOff'] as const;

/**
 * A stage of making a batch. `decode` is everything the dataset does itself; `handOff` the wait for a batch that is made and on its way to
 * the consumer's thread.
 */
export type StageName = (typeof stageNames)[number];

/** What a run came to since the listening began. Only counts up. */
export interface RunTotals {
  readonly batches: number;
  readonly samples: number;
  readonly tokens: number;
  readonly bytes: number;
  /** Time between the first request and the last delivery, or now while the consumer waits. */
  readonly elapsedMs: number;
  /** Part of it in which the consumer waited, a wait that is under way among it. */
  readonly waitMs: number;
  /** Time of making batches, added up over the workers: where it went. */
  readonly stageMs: Readonly<Record<StageName, number>>;
  readonly skipped: number;
  readonly errors: number;
}

/** How a run is doing. */
export interface RunFigures extends RunTotals {
  /** The last delivery, or the beginning of the run before there was one, in milliseconds since 1970. */
  readonly at: number;
  /** How long the consumer has been waiting for the next batch; 0 where it is not. */
  readonly waitingMs: number;
  readonly epoch: number;
  /** The last batch of it, counted from 0. */
  readonly batch: number;
  /** Batches of the epoch, where that is known. */
  readonly length: number | undefined;
  readonly samplesPerSecond: number;
  readonly tokensPerSecond: number;
  readonly bytesPerSecond: number;
  /** Share of the time in which the consumer waited, 0 … 1. These four are since the reader's last look. */
  readonly waitShare: number;
  /** Batches that are made and wait for the consumer. */
  readonly ready: number;
  /** Batches that are asked for, made or not. */
  readonly underWay: number;
  readonly numWorkers: number;
  /** Difficulty of each metric, where there is a curriculum. */
  readonly difficulties: Readonly<Record<string, number>>;
}

export interface RunStatisticsOptions {
  /** Counts the tokens of a batch. @defaultValue the elements of its first tensor of whole numbers with two or more dimensions */
  readonly countTokens?: CountTokens | undefined;
}

interface Place {
  readonly epoch: number;
  readonly batch: number;
  readonly ready: number;
  readonly underWay: number;
}

/** Adds up what a loader tells. Give its {@link listen} to `loader.observe`. */
export class RunStatistics {
  readonly #countTokens: CountTokens | undefined;
  #batches = 0;
  #samples = 0;
  #tokens = 0;
  #bytes = 0;
  #waitMs = 0;
  #skipped = 0;
  #errors = 0;
  #firstRequest: number | undefined;
  #lastDelivery = 0;
  #began = 0;
  #waitingSince: number | undefined;
  /** Time of all batches, and of those whose stages were measured. */
  #makeMs = 0;
  #measuredMs = 0;
  readonly #stageMs = { storage: 0, transform: 0, collate: 0 };
  #collateMs = 0;
  #handOffMs = 0;
  #place: Place = { epoch: 0, batch: 0, ready: 0, underWay: 0 };
  #run: { length: number | undefined; steps: number; numWorkers: number; sampler: object | undefined } = {
    length: undefined,
    steps: 1,
    numWorkers: 0,
    sampler: undefined,
  };

  constructor({ countTokens }: RunStatisticsOptions = {}) {
    this.#countTokens = countTokens;
  }

  /** Takes what happens. */
  readonly listen: LoaderListener = (event: LoaderEvent) => {
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

  /** What the run came to so far. */
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
    };
  }

  /** A reader of its own: its rates are since its last look. */
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
    const { epoch, batch } = this.#place;
    const difficulties = difficultiesAt(sampler, epoch, Math.floor(batch / steps));
    const at = this.#lastDelivery || this.#began;
    return { at, waitingMs: this.#waitingMs(), ...this.#place, length, numWorkers, difficulties };
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
    this.#place = { epoch, batch, ready, underWay };
    this.#waitMs += waitMs;
    this.#skipped += event.skipped.length;
    this.#makeMs += makeMs;
    this.#collateMs += collateMs;
    // On the way while the consumer was busy with something else, a batch costs nobody anything.
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
