// The event loop must go on turning while batches come as fast as they can.
import { DataLoader } from 'millrace';
import { describe, expect, it } from 'vitest';
import { range } from './collect.js';

describe('the event loop', () => {
  it.each([0, 2])('turns while a loader runs at full speed, %i workers', async (numWorkers) => {
    const loader = new DataLoader(range(40_000), { batchSize: 1, numWorkers });
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns += 1;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    for await (const _ of loader);
    running = false;
    await loader.close();
    // Without help not one: all batches come by promises that are resolved already.
    expect(turns).toBeGreaterThan(10);
  });
});
