import type { SampleOrigin } from '../core/sample-origin.js';
import type { StageTimes } from '../core/stage-clock.js';

// The events that a loader sends to its observers. All times are milliseconds since 1970, with fractions, on one
// clock for all threads.

/** A pass over the data starts. */
export interface PassBegan {
  readonly type: 'began';
  readonly at: number;
  readonly epoch: number;
  /** Batches of the epoch that were delivered before this pass. */
  readonly batch: number;
  /** Number of batches (micro-batches) in the epoch, if known. */
  readonly length: number | undefined;
  readonly rank: number;
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
  readonly numWorkers: number;
  /** Name of the dataset in messages. */
  readonly dataset: string;
  /** The source of the order; `undefined` for a stream. */
  readonly sampler: object | undefined;
}

/** A skipped sample. */
export interface SkippedEvent {
  readonly index: number;
  readonly epoch: number;
  readonly reason: string;
}

/** A batch is about to be delivered. The event describes its whole life. */
export interface BatchDelivered {
  readonly type: 'delivered';
  /** Time of delivery. */
  readonly at: number;
  readonly epoch: number;
  /** Number of the batch (micro-batch) in its epoch, or in its shard. */
  readonly batch: number;
  /** The shard of an iterable dataset. */
  readonly shard: number | undefined;
  /** When its task was submitted. */
  readonly plannedAt: number;
  /** The worker that made it; `null` for this thread. */
  readonly worker: number | null;
  /** When a worker started to make it. */
  readonly startedAt: number;
  /** Time to make it, without a collate on the consumer's thread. */
  readonly makeMs: number;
  /** Time per stage. If batches are made quickly, only some are measured, because measuring takes time too. */
  readonly stages: StageTimes | undefined;
  /** When the consumer's thread received it. The time since `startedAt + makeMs` is the hand-off. */
  readonly readyAt: number;
  /** Time that the consumer waited for it. */
  readonly waitMs: number;
  /** Time of a collate function on the consumer's thread, after the wait. */
  readonly collateMs: number;
  readonly samples: number;
  readonly skipped: readonly SkippedEvent[];
  /** Where the samples come from; `undefined` without `provenance`. */
  readonly origin?: readonly SampleOrigin[] | undefined;
  /** Batches that are finished and queued behind this one. */
  readonly ready: number;
  /** Batches that are planned, whether finished or not. */
  readonly underWay: number;
  /** The batch. It may be lent, so read it only during the call. `undefined` if every sample was skipped. */
  readonly value: unknown;
}

/** The consumer waits for an unfinished batch. `delivered` or `ended` marks the end of the wait. */
export interface ConsumerWaiting {
  readonly type: 'waiting';
  readonly at: number;
  /** When the wait started. */
  readonly since: number;
}

/** The number of workers or the prefetch depth has changed. */
export interface LoaderTuned {
  readonly type: 'tuned';
  readonly at: number;
  readonly numWorkers: number;
  readonly prefetchFactor: number;
  /** The reason, in one line. */
  readonly decision: string;
}

/** The pass ends: all batches were delivered, the consumer stopped, or an error occurred. */
export interface PassEnded {
  readonly type: 'ended';
  readonly at: number;
  readonly reason: 'complete' | 'left' | 'failed';
  /** The error. */
  readonly error: unknown;
}

/** The loader is closed: no further events follow. */
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

/** Receives every event as it happens, on the consumer's thread, so it must be fast. An exception ends the pass. */
export type LoaderObserver = (event: LoaderEvent) => void;

/** An object that can be observed: a `DataLoader`. */
export interface Observable {
  /** @returns A function that removes the observer */
  observe(observer: LoaderObserver): () => void;
}
