// Modules that export several loaders by name, as `millrace serve` takes them.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runInOneProcess as runCommand } from './in-one-process.js';

const loaders = fileURLToPath(new URL('../fixtures/serve/loaders.js', import.meta.url));

it('plan looks at the loader that --loader names, for any rank', async () => {
  const { stdout } = await runCommand(['plan', loaders, '--loader', 'images', '--world-size', '2', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    samples: 61,
    stepsPerEpoch: 8,
    split: { globalBatch: 8, most: 4 },
  });
});

it('plan lists the loaders of a module that has none of the name, or no default export', async () => {
  for (const flags of [[], ['--loader', 'validation']]) {
    const { status, stderr } = await runCommand(['plan', loaders, ...flags]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/exports .*images.*tokens/);
  }
});
