import type { LoaderEvent, LoaderObserver } from 'millrace/monitor';
import type { BatchDelivered, Observable, PassBegan } from '../../dist/monitor/loader-events.js';

/** A loader whose events the test controls. */
export class ScriptedLoader implements Observable {
  readonly listeners = new Set<LoaderObserver>();

  observe(listener: LoaderObserver): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(...events: readonly LoaderEvent[]): void {
    for (const event of events) for (const listener of this.listeners) listener(event);
  }
}

/** 2023-11-14, 22:13:20 UTC. */
export const start = 1_700_000_000_000;

export function began(fields: Partial<PassBegan> = {}): PassBegan {
  return {
    type: 'began',
    at: start,
    epoch: 0,
    batch: 0,
    length: 100,
    rank: 0,
    worldSize: 1,
    gradientAccumulationSteps: 1,
    numWorkers: 2,
    dataset: 'ArrayDataset',
    sampler: undefined,
    ...fields,
  };
}

/**
 * Batch `batch`, delivered `100 · batch` ms after the start by worker `batch % 2`: 60 ms to make (10 reading, 20
 * decoding, 25 transforming, 5 collating), 4 ms hand-off, 30 ms waiting.
 */
export function delivered(batch: number, fields: Partial<BatchDelivered> = {}): BatchDelivered {
  const at = start + 100 * batch;
  return {
    type: 'delivered',
    at,
    epoch: 0,
    batch,
    shard: undefined,
    plannedAt: at - 90,
    worker: batch % 2,
    startedAt: at - 80,
    makeMs: 60,
    stages: { storage: 10, transform: 25, collate: 5 },
    readyAt: at - 16,
    waitMs: 30,
    collateMs: 0,
    samples: 8,
    skipped: [],
    ready: 1,
    underWay: 4,
    value: { tokens: { dtype: 'int32', shape: [8, 16], data: new Int32Array(128) } },
    ...fields,
  };
}
