// What a loader tells observers.
import { ArrayDataset, DataLoader, MapDataset, workerDataset } from 'millrace';
import type { LoaderEvent } from 'millrace/monitor';
import { describe, expect, it } from 'vitest';
import type { BatchDelivered } from '../../dist/monitor/loader-events.js';
import { batchesOf, range } from './collect.js';

const deliveredIn = (events: readonly LoaderEvent[]): BatchDelivered[] =>
  events.filter((event) => event.type === 'delivered');

async function heard(
  options: object,
  dataset: ConstructorParameters<typeof DataLoader<number>>[0] = range(100),
): Promise<{ events: LoaderEvent[]; loader: DataLoader<number> }> {
  const loader = new DataLoader<number>(dataset, { batchSize: 8, ...options });
  const events: LoaderEvent[] = [];
  loader.observe((event) => events.push(event));
  await batchesOf(loader).catch(() => {});
  await loader.close();
  return { events, loader };
}

describe.each([0, 2])('a listener of a loader with %i workers', (numWorkers) => {
  it('receives the beginning, every batch in order, the end, and the close', async () => {
    const { events } = await heard({ numWorkers });
    expect(events[0]).toMatchObject({ type: 'began', epoch: 0, batch: 0, length: 13, numWorkers, rank: 0 });
    expect(events.at(-2)).toMatchObject({ type: 'ended', reason: 'complete' });
    expect(events.at(-1)).toMatchObject({ type: 'closed' });
    const all = Array.from({ length: 13 }, (_, batch) => batch);
    expect(deliveredIn(events).map(({ batch }) => batch)).toEqual(all);
    expect(deliveredIn(events).map(({ samples }) => samples)).toEqual([...Array(12).fill(8), 4]);
  });

  it('receives moments in order, on one clock for all threads', async () => {
    const { events } = await heard({ numWorkers });
    for (const event of deliveredIn(events)) {
      const { plannedAt, startedAt, makeMs, readyAt, at, worker } = event;
      // Two threads look at the clock of the machine apart from one another: by a part of a millisecond.
      const moments = [plannedAt, startedAt + 2, startedAt + makeMs + 2, readyAt + 2, at + 2.01];
      expect(moments).toEqual([...moments].sort((a, b) => a - b));
      expect(Math.abs(at - Date.now())).toBeLessThan(60_000);
      expect(worker === null).toBe(numWorkers === 0);
    }
  });

  it('receives stages that never add up to more than the batch took', async () => {
    const { events } = await heard({ numWorkers });
    const measured = deliveredIn(events).filter(({ stages }) => stages !== undefined);
    expect(measured.length).toBeGreaterThan(0);
    for (const { stages, makeMs } of measured) {
      const { storage, transform, collate } = stages!;
      expect(Math.min(storage, transform, collate)).toBeGreaterThanOrEqual(0);
      expect(storage + transform + collate).toBeLessThanOrEqual(makeMs + 0.01);
    }
  });
});

describe('a listener', () => {
  it('is given the very batch that the consumer gets', async () => {
    const loader = new DataLoader(range(20), { batchSize: 8 });
    const values: unknown[] = [];
    loader.observe((event) => {
      if (event.type === 'delivered') values.push(event.value);
    });
    expect(await batchesOf(loader)).toEqual(values);
  });

  it('receives nothing after it was removed, and the loader continues', async () => {
    const loader = new DataLoader(range(80), { batchSize: 8, numWorkers: 1 });
    const events: LoaderEvent[] = [];
    const leave = loader.observe((event) => events.push(event));
    const pass = loader[Symbol.asyncIterator]();
    await pass.next();
    leave();
    const before = events.length;
    expect(await batchesOf(pass)).toHaveLength(9);
    expect(events).toHaveLength(before);
    await loader.close();
  });

  it('that is added in mid-pass receives the batches from there on', async () => {
    const began = performance.timeOrigin + performance.now();
    const loader = new DataLoader(range(160), { batchSize: 8, numWorkers: 2, prefetchFactor: 2 });
    const pass = loader[Symbol.asyncIterator]();
    await pass.next();
    const events: LoaderEvent[] = [];
    loader.observe((event) => events.push(event));
    await batchesOf(pass);
    const delivered = deliveredIn(events);
    expect(delivered.map(({ batch }) => batch)).toEqual(Array.from({ length: 19 }, (_, k) => k + 1));
    expect(delivered.at(-1)!.worker).not.toBeNull();
    // Two threads look at the clock of the machine apart from one another: by a part of a millisecond.
    for (const { startedAt } of delivered) expect(startedAt).toBeGreaterThan(began - 2);
    await loader.close();
  });

  it('that is added while a batch is made receives no time before that', async () => {
    const began = performance.timeOrigin + performance.now();
    let open!: () => void;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const dataset = { length: 16, get: (index: number) => gate.then(() => index) };
    const loader = new DataLoader(dataset, { batchSize: 8 });
    await loader.ready();
    const pass = loader[Symbol.asyncIterator]();
    const first = pass.next();
    const events: LoaderEvent[] = [];
    setImmediate(() => {
      loader.observe((event) => events.push(event));
      open();
    });
    await first;
    await batchesOf(pass);
    expect(deliveredIn(events)).toHaveLength(2);
    for (const { startedAt } of deliveredIn(events)) expect(startedAt).toBeGreaterThan(began);
  });

  it('receives which pass ended early, and which failed, with the error', async () => {
    const loader = new DataLoader(range(80), { batchSize: 8 });
    const events: LoaderEvent[] = [];
    loader.observe((event) => events.push(event));
    for await (const _ of loader) break;
    expect(events.at(-1)).toMatchObject({ type: 'ended', reason: 'left' });
    const faulty = new MapDataset(range(80), (value: number) => {
      if (value === 17) throw new RangeError('no picture 17');
      return value;
    });
    const { events: failing } = await heard({}, faulty);
    const ends = failing.filter((event) => event.type === 'ended');
    expect(ends).toHaveLength(1);
    expect(ends[0]).toMatchObject({ reason: 'failed', error: { code: 'ERR_MILLRACE_SAMPLE' } });
  });

  it('receives which samples were left out, and why', async () => {
    const faulty = new MapDataset(range(16), (value: number) => {
      if (value === 3) throw new RangeError('no picture 3');
      return value;
    });
    const { events } = await heard({ onError: 'skip' }, faulty);
    const [first, second] = deliveredIn(events);
    expect(first).toMatchObject({ samples: 7, skipped: [{ index: 3, reason: 'no picture 3' }] });
    expect(second).toMatchObject({ samples: 8, skipped: [] });
  });

  it('finds the time of a slow transform in the transform, and of a slow dataset in the dataset', async () => {
    const spin = (ms: number): void => {
      for (const until = performance.now() + ms; performance.now() < until; );
    };
    const slowly = <T>(value: T): T => {
      spin(2);
      return value;
    };
    const slowDataset = { length: 8, get: (index: number) => slowly(index) };
    const { events: decoding } = await heard({}, slowDataset);
    const [decoded] = deliveredIn(decoding);
    const { storage, transform, collate } = decoded!.stages!;
    expect(decoded!.makeMs - storage - transform - collate).toBeGreaterThan(15);
    expect(transform).toBe(0);
    const { events: transforming } = await heard(
      { transform: slowly<number> },
      new ArrayDataset([1, 2, 3, 4]),
    );
    expect(deliveredIn(transforming)[0]!.stages!.transform).toBeGreaterThan(7);
  });

  it('finds the time of reading in the storage, in a worker', async () => {
    const dataset = workerDataset<number>(new URL('../fixtures/slow-storage.js', import.meta.url));
    const { events } = await heard({ numWorkers: 1 }, dataset);
    const { stages, makeMs } = deliveredIn(events)[0]!;
    expect(stages!.storage).toBeGreaterThan(0);
    expect(stages!.storage).toBeLessThanOrEqual(makeMs);
  });

  it('that is removed while a batch is made stops its clock', async () => {
    const { stageClock } = await import('../../dist/core/stage-clock.js');
    let leave = (): void => {};
    const dataset = {
      length: 8,
      get: async (index: number) => {
        if (index === 3) leave();
        return index;
      },
    };
    const loader = new DataLoader(dataset, { batchSize: 4 });
    leave = loader.observe(() => {});
    await batchesOf(loader);
    expect(stageClock()).toBeUndefined();
  });

  it('that throws ends the iteration with its error', async () => {
    const loader = new DataLoader(range(80), { batchSize: 8 });
    loader.observe((event) => {
      if (event.type === 'delivered' && event.batch === 2) throw new RangeError('the listener is broken');
    });
    await expect(batchesOf(loader)).rejects.toThrow('the listener is broken');
  });
});

it('without a listener no clock runs', async () => {
  const { stageClock } = await import('../../dist/core/stage-clock.js');
  const clocks = new Set<unknown>();
  const dataset = {
    length: 16,
    get: (index: number) => {
      clocks.add(stageClock());
      return index;
    },
  };
  await batchesOf(new DataLoader(dataset, { batchSize: 8 }));
  expect([...clocks]).toEqual([undefined]);
  await heard({}, dataset);
  expect(clocks.size).toBeGreaterThan(1);
});
