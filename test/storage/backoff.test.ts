import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backoff } from '../../dist/storage/backoff.js';
import { replaceSleep } from '../setup/replace-sleep.js';

let delays: number[];
let restoreSleep: () => void;
beforeEach(() => {
  delays = [];
  restoreSleep = replaceSleep(async (ms) => void delays.push(ms));
});
afterEach(() => {
  restoreSleep();
  vi.restoreAllMocks();
});

describe('Backoff', () => {
  it('doubles the longest wait with each failure, up to 20 seconds, and waits a random share of it', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const backoff = new Backoff(10);
    for (let k = 0; k < 10; k++) expect(await backoff.wait()).toBe(true);
    expect(delays).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    expect(await backoff.wait()).toBe(false);
    expect(delays).toHaveLength(10);
  });

  it('starts over after progress', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const backoff = new Backoff(2);
    await backoff.wait();
    await backoff.wait();
    backoff.progressed();
    expect(backoff.failures).toBe(0);
    expect(await backoff.wait()).toBe(true);
    expect(delays).toEqual([50, 100, 50]);
  });

  it('waits at least as long as the server asks, and at most 20 seconds', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const backoff = new Backoff(2);
    await backoff.wait(1_000);
    await backoff.wait(3_600_000);
    expect(delays).toEqual([1_000, 20_000]);
  });
});
