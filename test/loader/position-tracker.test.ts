import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PositionTracker } from '../../dist/loader/state/position-tracker.js';

const delivery = (batch: number) => ({
  planned: {
    task: {
      type: 'indices',
      epoch: 0,
      batch,
      indices: new Int32Array(),
      positions: { start: 0, step: 1 },
    } as const,
    samplerState: undefined,
  },
  result: { type: 'nothing', skipped: [] } as const,
  waitMs: 0,
  at: 0,
  makeMs: 0,
});

describe('PositionTracker', () => {
  it('knows exactly which batches were delivered, in whatever order they came', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(12).keys()], { minLength: 0 }), (order) => {
        const tracker = new PositionTracker();
        tracker.begin();
        for (const batch of order) tracker.deliver(delivery(batch));
        const { batch, ahead } = tracker.state(undefined);
        const delivered = [...Array.from({ length: batch }, (_, k) => k), ...ahead];
        expect(delivered).toEqual([...order].sort((a, b) => a - b));
        expect(ahead).not.toContain(batch);
      }),
    );
  });

  it('calls a complete epoch the start of the next one', () => {
    const tracker = new PositionTracker();
    tracker.begin();
    for (const batch of [0, 2, 1]) tracker.deliver(delivery(batch));
    expect(tracker.state(3)).toMatchObject({ epoch: 1, batch: 0, ahead: [] });
    expect(tracker.state(4)).toMatchObject({ epoch: 0, batch: 3, ahead: [] });
  });
});
