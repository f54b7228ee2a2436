// `npm run test:runtimes`: tests core, samplers, loader and formats in every runtime that the README names besides the oldest Node.js,
// one after the other. Arguments choose some of them: `npm run test:runtimes -- bun deno`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, installPackages, root, run } from './toolchain.js';

/** The package of each runtime in the npm registry, and the program that runs a script. */
const runtimes = {
  'node-22': { source: 'npm:node@22.23.3', command: ['node-22/bin/node'] },
  'node-24': { source: 'npm:node@24.21.0', command: ['node-24/bin/node'] },
  'node-26': { source: 'npm:node@26.10.0', command: ['node-26/bin/node'] },
  bun: { source: '1.4.5', command: ['.bin/bun', '--bun'] },
  deno: { source: '2.9.6', command: ['.bin/deno', 'run', '--allow-all'] },
};

const tests = [
  'test/core',
  'test/samplers',
  'test/loader',
  ...[
    'arrays',
    'image-folder',
    'indexed-dataset',
    'mds-shards',
    'own-format',
    'remote-data',
    'shards',
    'text-records',
  ].map((name) => `test/formats/${name}.test.ts`),
];

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(runtimes, name));
if (unknown.length > 0) {
  console.error(`Unknown runtime ${unknown.join(', ')}. Known: ${Object.keys(runtimes).join(', ')}.`);
  process.exit(2);
}

installPackages();
await build();
const folder = installRuntimes();
const failed = [];
for (const [name, { command }] of Object.entries(runtimes)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(`\n── ${name}`);
  const [program, ...first] = command;
  const { status, error } = spawnSync(
    join(folder, 'node_modules', program),
    [
      ...first,
      'node_modules/vitest/vitest.mjs',
      'run',
      '--typecheck.enabled=false',
      // A runtime that breaks in one file must not fail the next.
      '--isolate',
      '--reporter=dot',
      // A failure counts if it repeats itself: of three runs in Bun, one failed in one test, for a reason that was not found.
      '--retry=1',
      ...tests,
    ],
    { cwd: root, stdio: 'inherit' },
  );
  if (error) throw error;
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`\nTests failed in ${failed.join(', ')}.`);
  process.exit(1);
}

/** Installs the runtimes, unless exactly these are there. @returns their folder */
function installRuntimes() {
  const folder = join(root, 'node_modules/.cache/runtimes');
  const file = join(folder, 'package.json');
  const dependencies = Object.fromEntries(
    Object.entries(runtimes).map(([name, { source }]) => [name, source]),
  );
  const text = `${JSON.stringify({ private: true, dependencies }, null, 2)}\n`;
  const isThere =
    existsSync(join(folder, 'installed')) && readFileSync(join(folder, 'installed'), 'utf8') === text;
  if (isThere) return folder;
  console.log('Installing runtimes …');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  // The versions above are exact.
  run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], {
    cwd: folder,
  });
  writeFileSync(join(folder, 'installed'), text);
  return folder;
}
