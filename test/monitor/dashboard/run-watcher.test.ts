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

/** A listener, and what it sends. */
function watching(): { updates: RunUpdate[]; listen: (...events: readonly LoaderEvent[]) => void } {
  const updates: RunUpdate[] = [];
  const sink = { watched: true, begin: () => {}, update: (update: RunUpdate) => void updates.push(update) };
  const watcher = new RunWatcher('1.0', sink);
  return { updates, listen: (...events) => events.forEach(watcher.listen) };
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

describe('a listener of the page', () => {
  it('sends two updates a second, however short the passes are', () => {
    const { updates, listen } = watching();
    for (let epoch = 0; epoch < 200; epoch++) pass(listen, epoch);
    expect(updates.length).toBeGreaterThanOrEqual(6);
    expect(updates.length).toBeLessThanOrEqual(7);
  });

  it('says in the end that no pass is under way, and how far the last one came', () => {
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
  ])('says at once that a run is %s', (status, event) => {
    const { updates, listen } = watching();
    pass(listen, 0);
    listen({ ...event, at: now() });
    expect(updates.at(-1)).toMatchObject({ status, figures: { batches: 3 } });
  });
});
