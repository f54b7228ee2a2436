import { expect, it } from 'vitest';
import { runExample } from './run-example.js';

it('examples/digits-tfjs reads more than nine in ten digits that it has not seen, and leaves no tensors of batches', async () => {
  const said = await runExample('digits-tfjs');
  expect(Number(/([\d.]+) % right/.exec(said)?.[1])).toBeGreaterThan(90);
  // Three layers with a kernel, a bias and two moments of each, and what the optimizer counts by.
  expect(Number(/(\d+) tensors are left/.exec(said)?.[1])).toBeLessThan(25);
});
