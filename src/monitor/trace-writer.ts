// Chrome's trace event format, JSON array: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

import { messageOf } from '../core/thrown.js';
import { AppendedFile } from './appended-file.js';
import type { BatchDelivered, LoaderEvent, LoaderObserver, PassBegan } from './loader-events.js';

/** An event of the trace. Times are in microseconds. */
interface TraceEvent {
  readonly name: string;
  /** X: span; C: counter; i: instant; M: metadata. */
  readonly ph: 'X' | 'C' | 'i' | 'M';
  readonly ts?: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly [key: string]: unknown;
}

/** The consumer is thread 0 of the trace, together with batches made on its thread. Worker w is thread w + 1. */
const consumer = 0;

/**
 * Writes loader events as `trace.json` for Perfetto (ui.perfetto.dev) and chrome://tracing: one lane per worker, one
 * for the consumer with its waits, and a graph of the finished batches.
 *
 * The file is a valid trace at any moment: the format allows the end to be missing, as after a kill.
 */
export class TraceWriter {
  readonly #file: AppendedFile;
  readonly #lanes = new Set<number>();
  #rank = 0;
  #first = true;
  /** When the consumer received its last batch. */
  #lastDelivery: number | undefined;

  /** @throws {@link StorageError} if the file cannot be created */
  constructor(path: string) {
    this.#file = new AppendedFile(path);
    this.#file.append('[');
  }

  /** Receives loader events. */
  readonly receive: LoaderObserver = (event: LoaderEvent) => {
    switch (event.type) {
      case 'began':
        return this.#begin(event);
      case 'delivered':
        return this.#deliver(event);
      case 'ended':
        this.#lastDelivery = undefined;
        return this.#instant(event.at, `pass ${event.reason}`, event.error);
      case 'tuned':
        return this.#instant(event.at, 'tuned', event.decision);
    }
  };

  close(): void {
    this.#file.append('\n]\n');
    this.#file.close();
  }

  #begin({ at, rank, epoch, dataset }: PassBegan): void {
    this.#rank = rank;
    if (!this.#lanes.has(consumer))
      this.#write({
        name: 'process_name',
        ph: 'M',
        ...this.#at(consumer),
        args: { name: `rank ${rank}, ${dataset}` },
      });
    this.#lane(consumer, 'consumer');
    this.#instant(at, `epoch ${epoch}`);
  }

  #deliver(event: BatchDelivered): void {
    const { at, waitMs, collateMs, worker, startedAt, makeMs, readyAt } = event;
    const requested = at - waitMs;
    const name = `batch ${event.epoch}/${event.shard === undefined ? '' : `${event.shard}/`}${event.batch}`;
    const args = { epoch: event.epoch, batch: event.batch, samples: event.samples, waitMs, makeMs };
    if (this.#lastDelivery !== undefined) this.#span(consumer, 'consume', this.#lastDelivery, requested);
    if (worker === null) this.#making(consumer, name, event, args);
    else {
      const lane = worker + 1;
      this.#lane(lane, `worker ${worker}`);
      this.#making(lane, name, event, args);
      this.#span(lane, 'hand-off', startedAt + makeMs, readyAt);
      this.#span(consumer, 'wait', requested, at, args);
    }
    if (collateMs > 0) this.#span(consumer, 'collate', at, at + collateMs);
    this.#write({
      name: 'batches',
      ph: 'C',
      ts: at * 1_000,
      ...this.#at(consumer),
      args: { ready: event.ready, underWay: event.underWay },
    });
    for (const { index, reason } of event.skipped) this.#instant(at, `skipped sample ${index}`, reason);
    this.#lastDelivery = at + collateMs;
  }

  /**
   * Adds the span of a batch, with its stages one after the other inside: their durations are measured, their order
   * is not.
   */
  #making(lane: number, name: string, { startedAt, makeMs, stages }: BatchDelivered, args: object): void {
    this.#span(lane, name, startedAt, startedAt + makeMs, args);
    if (!stages) return;
    const { storage, transform, collate } = stages;
    const decode = Math.max(0, makeMs - storage - transform - collate);
    let from = startedAt;
    for (const [stage, ms] of Object.entries({ storage, decode, transform, collate })) {
      if (ms > 0) this.#span(lane, stage, from, from + ms);
      from += ms;
    }
  }

  #lane(lane: number, name: string): void {
    if (this.#lanes.has(lane)) return;
    this.#lanes.add(lane);
    this.#write({ name: 'thread_name', ph: 'M', ...this.#at(lane), args: { name } });
    this.#write({ name: 'thread_sort_index', ph: 'M', ...this.#at(lane), args: { sort_index: lane } });
  }

  #span(lane: number, name: string, from: number, to: number, args: object = {}): void {
    const span = { ts: from * 1_000, dur: Math.max(0, to - from) * 1_000 };
    this.#write({ name, ph: 'X', ...span, ...this.#at(lane), args });
  }

  #instant(at: number, name: string, detail?: unknown): void {
    const args = detail === undefined ? {} : { detail: messageOf(detail) };
    this.#write({ name, ph: 'i', s: 'p', ts: at * 1_000, ...this.#at(consumer), args });
  }

  #at(lane: number): { pid: number; tid: number } {
    return { pid: this.#rank, tid: lane };
  }

  #write(event: TraceEvent): void {
    this.#file.append(`${this.#first ? '' : ','}\n${JSON.stringify(event)}`);
    this.#first = false;
  }
}
