import { expect, it } from 'vitest';
import { runExample } from './run-example.js';

it('examples/sft lowers the loss of answers, and counts the tokens that it trains on', async () => {
  const said = await runExample('sft', '60');
  const [, tokens, trained] = /, (\d+) tokens, (\d+) of them trained on/.exec(said)!.map(Number);
  expect(trained).toBeGreaterThan(100);
  expect(trained).toBeLessThan(tokens!);
  const losses = [...said.matchAll(/^ +\d+ +([\d.]+)$/gm)].map(([, loss]) => Number(loss));
  expect(losses).toHaveLength(3);
  expect(losses[1]).toBeLessThan(losses[0]!);
  expect(losses[2]).toBeLessThan(losses[1]!);
});
