import type { StageTimes } from '../core/stage-clock.js';

// What a loader tells whoever listens. All moments are milliseconds since 1970, with fractions, on one clock for all threads.

/** A pass over the data begins. */
export interface PassBegan {
  readonly type: 'began';
  readonly at: number;
  readonly epoch: number;
  /** Batches of the epoch that were delivered before. */
  readonly batch: number;
  /** Batches of the epoch, where that is known; micro-batches where gradients are accumulated. */
  readonly length: number | undefined;
  readonly rank: number;
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
  readonly numWorkers: number;
  /** What messages call the dataset. */
  readonly dataset: string;
  /** What gives the order; `undefined` for a stream. */
  readonly sampler: object | undefined;
}

/** A sample that was left out. */
export interface SkippedEvent {
  readonly index: number;
  readonly epoch: number;
  readonly reason: string;
}

/** A batch is about to be given to the consumer: its whole life. */
export interface BatchDelivered {
  readonly type: 'delivered';
  /** The moment of delivery. */
  readonly at: number;
  readonly epoch: number;
  /** Number of the batch in its epoch, or in its shard; micro-batches count where gradients are accumulated. */
  readonly batch: number;
  /** The shard of an iterable dataset. */
  readonly shard: number | undefined;
  /** When it was asked for. */
  readonly plannedAt: number;
  /** Which worker made it; `null` for this thread. */
  readonly worker: number | null;
  /** When that began. */
  readonly startedAt: number;
  /** How long it took, without a collate on the consumer's thread. */
  readonly makeMs: number;
  /**
   * Where that time went. Measured for some batches only where they are quickly made, because measuring takes time of its own.
   */
  readonly stages: StageTimes | undefined;
  /** When the consumer's thread had it. From `startedAt + makeMs` until then it was on its way: hand-off. */
  readonly readyAt: number;
  /** How long the consumer waited for it. */
  readonly waitMs: number;
  /** Time of a collate function that runs on the consumer's thread, behind the wait. */
  readonly collateMs: number;
  readonly samples: number;
  readonly skipped: readonly SkippedEvent[];
  /** Batches that are made already and wait behind this one. */
  readonly ready: number;
  /** Batches that are asked for, made or not. */
  readonly underWay: number;
  /** The batch, which may be lent: look at it now or never. `undefined` where every sample was skipped. */
  readonly value: unknown;
}

/** The consumer waits for a batch that is not made yet. `delivered` or `ended` says that the wait is over. */
export interface ConsumerWaiting {
  readonly type: 'waiting';
  readonly at: number;
  /** When the wait began. */
  readonly since: number;
}

/** The numbers of workers or of batches ahead have changed. */
export interface LoaderTuned {
  readonly type: 'tuned';
  readonly at: number;
  readonly numWorkers: number;
  readonly prefetchFactor: number;
  /** Why: one line. */
  readonly decision: string;
}

/** The pass ends: all batches were delivered, the consumer left, or something failed. */
export interface PassEnded {
  readonly type: 'ended';
  readonly at: number;
  readonly reason: 'complete' | 'left' | 'failed';
  /** What failed. */
  readonly error: unknown;
}

/** The loader is closed: nothing comes any more. */
export interface LoaderClosed {
  readonly type: 'closed';
  readonly at: number;
}

export type LoaderEvent =
  | PassBegan
  | ConsumerWaiting
  | BatchDelivered
  | LoaderTuned
  | PassEnded
  | LoaderClosed;

/** Is told of everything as it happens, on the consumer's thread: it must be quick. What it throws ends the pass. */
export type LoaderListener = (event: LoaderEvent) => void;

/** What can be listened to: a `DataLoader`. */
export interface Observable {
  /** @returns ends the listening */
  observe(listener: LoaderListener): () => void;
}
