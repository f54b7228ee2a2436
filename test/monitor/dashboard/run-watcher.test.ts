import type { LoaderEvent } from 'millrace/monitor';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunUpdate } from '../../../dist/monitor/dashboard/live-view.js';
import { RunWatcher } from '../../../dist/monitor/dashboard/run-watcher.js';
import { began, delivered } from '../run-events.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const now = () => performance.timeOrigin + performance.now();

/** A watcher, and the updates it sends. */
function watching(): { updates: RunUpdate[]; listen: (...events: readonly LoaderEvent[]) => void } {
  const updates: RunUpdate[] = [];
  const sink = { watched: true, begin: () => {}, update: (update: RunUpdate) => void updates.push(update) };
  const watcher = new RunWatcher('1.0', sink);
  return { updates, listen: (...events) => events.forEach(watcher.receive) };
}

/** A pass of three batches that takes 15 ms. */
function pass(listen: (...events: readonly LoaderEvent[]) => void, epoch: number): void {
  listen(began({ at: now(), epoch }));
  for (let batch = 0; batch < 3; batch++) {
    vi.advanceTimersByTime(5);
    listen(delivered(batch, { at: now(), epoch }));
  }
  listen({ type: 'ended', at: now(), reason: 'complete', error: undefined });
}

describe('a wait', () => {
  it('is visible before it ends, and before the first batch', () => {
    const { updates, listen } = watching();
    listen(began({ at: now() }), { type: 'waiting', at: now(), since: now() });
    vi.advanceTimersByTime(10_000);
    expect(updates.length).toBeGreaterThanOrEqual(19);
    const last = updates.at(-1)!;
    expect(last.figures!.waitingMs).toBeGreaterThan(9_000);
    expect(last.figures!.waitShare).toBeCloseTo(1, 6);
    expect(last.points).toHaveLength(1);
    listen(delivered(0, { at: now(), waitMs: 10_000 }));
    vi.advanceTimersByTime(2_000);
    expect(updates.at(-1)!.figures).toMatchObject({ waitingMs: 0, waitMs: 10_000, batches: 1 });
  });

  it('is drawn once, however often it was sent', () => {
    const { updates, listen } = watching();
    listen(began({ at: now() }), { type: 'waiting', at: now(), since: now() });
    vi.advanceTimersByTime(4_000);
    listen(delivered(0, { at: now(), waitMs: 4_000, worker: null }));
    listen({ type: 'closed', at: now() });
    const spans = updates.flatMap((update) => update.spans).filter(({ lane }) => lane === 'consumer');
    expect(spans.reduce((sum, { from, to }) => sum + to - from, 0)).toBeCloseTo(4_000, 0);
  });

  it('reports when a run ended', () => {
    const { updates, listen } = watching();
    pass(listen, 0);
    expect(updates.at(-1)!.endedAt).toBeUndefined();
    listen({ type: 'closed', at: now() });
    expect(updates.at(-1)!.endedAt).toBe(now());
  });
});

describe('a watcher of the page', () => {
  it('sends two updates per second, however short the passes are', () => {
    const { updates, listen } = watching();
    for (let epoch = 0; epoch < 200; epoch++) pass(listen, epoch);
    expect(updates.length).toBeGreaterThanOrEqual(6);
    expect(updates.length).toBeLessThanOrEqual(7);
  });

  it('reports at the end that no pass is active, and the last batch of the final pass', () => {
    const { updates, listen } = watching();
    for (let epoch = 0; epoch < 10; epoch++) pass(listen, epoch);
    expect(updates.at(-1)!.status).toBe('running');
    vi.advanceTimersByTime(500);
    expect(updates.at(-1)).toMatchObject({ status: 'between passes', figures: { batches: 30, epoch: 9 } });
    const { length } = updates;
    vi.advanceTimersByTime(5_000);
    expect(updates).toHaveLength(length);
  });

  it.each([
    ['failed', { type: 'ended', reason: 'failed', error: new RangeError('no picture 7') } as const],
    ['finished', { type: 'closed' } as const],
  ])('reports at once that a run is %s', (status, event) => {
    const { updates, listen } = watching();
    pass(listen, 0);
    listen({ ...event, at: now() });
    expect(updates.at(-1)).toMatchObject({ status, figures: { batches: 3 } });
  });
});
