// `npm run test:runners`: the published package in Jest, Vitest, tsx and ts-node, which give the batches of Node.js with a worker. They are
// installed for this alone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { withPackedProject } from './packed-project.js';
import { build, installPackages, root } from './toolchain.js';

installPackages();
await build();
const { DataLoader, ArrayDataset } = await import(join(root, 'dist/index.js'));
const expected = await batches();
await withPackedProject(
  join(root, 'test/fixtures/runners'),
  {
    jest: '30.5.2',
    vitest: '4.1.12',
    tsx: '4.21.0',
    'ts-node': '10.9.2',
    typescript: '5.9.3',
    '@types/node': '20.19.0',
  },
  (folder) => {
    const node = (...args) =>
      execFileSync(process.execPath, ['--no-warnings', ...args], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, EXPECTED: JSON.stringify(expected), NODE_NO_WARNINGS: '1' },
      });
    const bin = (path) => join(folder, 'node_modules', path);
    const steps = {
      tsx: () => assert.deepEqual(JSON.parse(node('--import', 'tsx', 'print.ts')), expected),
      'ts-node': () => assert.deepEqual(JSON.parse(node('--loader', 'ts-node/esm', 'print.ts')), expected),
      Jest: () => node('--experimental-vm-modules', bin('jest/bin/jest.js'), '--ci'),
      Vitest: () => node(bin('vitest/vitest.mjs'), 'run', '--globals'),
    };
    for (const [name, step] of Object.entries(steps)) {
      console.log(`── ${name}`);
      step();
    }
  },
);
console.log('All have the batches of Node.js.');

/** The batches of test/fixtures/runners. */
async function batches() {
  const dataset = new ArrayDataset(Array.from({ length: 10 }, (_value, i) => i));
  const made = [];
  for await (const { data } of new DataLoader(dataset, { batchSize: 4, shuffle: true, seed: 7 }))
    made.push([...data]);
  return made;
}
