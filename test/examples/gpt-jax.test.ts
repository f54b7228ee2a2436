import { expect, it } from 'vitest';
import { runExample } from './run-example.js';

it('examples/gpt-jax reaches a loss far below chance, on short sequences and then on longer ones', async () => {
  const said = await runExample('gpt-jax');
  const rows = [...said.matchAll(/^ +\d+ +(\d+) +([\d.]+)$/gm)].map(([, length, loss]) => [
    Number(length),
    Number(loss),
  ]);
  expect(rows).toHaveLength(10);
  expect(rows[0]![0]).toBeLessThan(rows.at(-1)![0]!);
  expect(said).toMatch(/chance is 4\.\d/);
  expect(rows.at(-1)![1]).toBeLessThan(3);
});
