import { expect, it } from 'vitest';
import { runExample } from './run-example.js';

it('examples/digits-tfjs classifies more than nine in ten held-out digits correctly, and leaves no tensors of batches', async () => {
  const said = await runExample('digits-tfjs');
  expect(Number(/([\d.]+) % correct/.exec(said)?.[1])).toBeGreaterThan(90);
  // Three layers with a kernel, a bias and two moments each, and the optimizer's counters.
  expect(Number(/(\d+) tensors are left/.exec(said)?.[1])).toBeLessThan(25);
});
