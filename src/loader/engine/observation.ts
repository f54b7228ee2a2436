import type { LoaderEvent, LoaderObserver, PassEnded } from '../../monitor/loader-events.js';
import type { Delivered } from './delivered.js';
import { moment, sharedMoment } from './making-times.js';

/** The registered observers of a loader. */
export class Observation {
  readonly #listeners = new Set<LoaderObserver>();

  /** Whether there are observers; check before building an event. */
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

  /** A batch is about to be delivered; with `collatesHere` it was collated on this thread after it arrived. */
  deliver(
    { planned: { task }, result, waitMs, at, life }: Delivered,
    value: unknown,
    collatesHere: boolean,
  ): void {
    if (result.type === 'end' || !life) return;
    const { plannedAt, making, readyAt, ready, underWay } = life;
    const delivered = sharedMoment(at);
    // Written out, because this runs for every batch.
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
      origin: result.type === 'batch' ? result.origin : undefined,
      ready,
      underWay,
      value,
    });
  }

  /** The consumer waits for an unfinished batch. @param since - A time of this thread. */
  wait(since: number): void {
    if (this.active) this.emit({ type: 'waiting', at: moment(), since: sharedMoment(since) });
  }

  end(reason: PassEnded['reason'], error?: unknown): void {
    if (this.active) this.emit({ type: 'ended', at: moment(), reason, error });
  }
}
