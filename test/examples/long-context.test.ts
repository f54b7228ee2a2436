import { expect, it } from 'vitest';
import { runExample } from './run-example.js';

it('examples/long-context: continues with other data- and context-parallel ranks after a kill, with the same global batches', async () => {
  const said = await runExample('long-context');
  expect(said).toMatch(/: the same global batches as alone\.\n$/);
  const steps = [...said.matchAll(/^ +(\d+) +(\d+) {2}dp (\d) × cp (\d)/gm)].map((step) =>
    step.slice(1).map(Number),
  );
  expect(steps.map(([step]) => step)).toEqual(Array.from({ length: 12 }, (_, k) => k));
  expect(steps.map(([, sequences]) => sequences)).toEqual([4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 8]);
  expect(steps.map(([, , dp, cp]) => `${dp}${cp}`)).toEqual([...Array(5).fill('22'), ...Array(7).fill('14')]);
});
