import { StageClock, type StageTimes, setStageClock, stageClock } from '../core/stage-clock.js';
import type { LoaderEvent, LoaderObserver, PassEnded } from '../monitor/loader-events.js';
import type { Delivered } from './delivery.js';

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

/** Those who listen to a loader. */
export class Observation {
  readonly #listeners = new Set<LoaderObserver>();

  /** Whether anybody does. Ask before putting an event together. */
  get active(): boolean {
    return this.#listeners.size > 0;
  }

  add(listener: LoaderObserver): void {
    this.#listeners.add(listener);
  }

  remove(listener: LoaderObserver): void {
    this.#listeners.delete(listener);
  }

  emit(event: LoaderEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** A batch is about to be given to the consumer; with `collatesHere` it was collated since it came. */
  deliver(
    { planned: { task }, result, waitMs, at, life }: Delivered,
    value: unknown,
    collatesHere: boolean,
  ): void {
    if (result.type === 'end' || !life) return;
    const { plannedAt, making, readyAt, ready, underWay } = life;
    const delivered = sharedMoment(at);
    // Written out, because this is done for every batch.
    this.emit({
      type: 'delivered',
      at: delivered,
      epoch: task.epoch,
      batch: task.type === 'indices' ? task.batch : task.ordinal,
      shard: task.type === 'indices' ? undefined : task.shard,
      plannedAt,
      worker: making.worker,
      startedAt: making.startedAt,
      makeMs: making.makeMs,
      stages: making.stages,
      readyAt,
      waitMs,
      collateMs: collatesHere ? moment() - delivered : 0,
      samples: result.type === 'batch' ? result.samples : 0,
      skipped: result.skipped,
      ready,
      underWay,
      value,
    });
  }

  /** The consumer waits for a batch that is not made yet. @param since - A moment of this thread. */
  wait(since: number): void {
    if (this.active) this.emit({ type: 'waiting', at: moment(), since: sharedMoment(since) });
  }

  end(reason: PassEnded['reason'], error?: unknown): void {
    if (this.active) this.emit({ type: 'ended', at: moment(), reason, error });
  }
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
