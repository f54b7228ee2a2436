// `npm test`: sets itself up in a fresh clone and runs every test with coverage. Arguments go to vitest:
// `npm test -- test/loader` runs one room.
import { requireBrowser, requireRedis } from './test-servers.js';
import { build, installPackages, run } from './toolchain.js';

installPackages();
build();
const environment = {
  ...process.env,
  MILLRACE_CHROMIUM: requireBrowser(),
  MILLRACE_REDIS_SERVER: requireRedis(),
};
// c8 reads the coverage that every process and worker thread writes, and maps it from dist/ back to src/.
const coverage = [
  '--reporter=text',
  '--reporter=html',
  '--include=src/**',
  '--include=dist/**',
  '--exclude-after-remap',
  '--exclude=test/**',
];
const selection = process.argv.slice(2);
run(
  process.execPath,
  [
    'node_modules/c8/bin/c8.js',
    ...coverage,
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    ...selection,
  ],
  { env: environment },
);
