// `npm test`: sets itself up in a fresh clone and runs every test. Arguments go to vitest: `npm test -- test/loader`
// runs one room. With --long the searches (simulated schedules, damaged files, mutations) run in full: `npm run test:long`.
import { spawnSync } from 'node:child_process';
import { requireBrowser, requirePython, requireRedis } from './test-servers.js';
import { build, installPackages, root } from './toolchain.js';

installPackages();
await build();
const selection = process.argv.slice(2).filter((argument) => argument !== '--long');
const { status, error } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', ...selection],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      MILLRACE_CHROMIUM: requireBrowser(),
      MILLRACE_REDIS_SERVER: requireRedis(),
      MILLRACE_PYTHON: requirePython(),
      ...(process.argv.includes('--long') && { MILLRACE_LONG: '1' }),
    },
  },
);
if (error) throw error;
process.exit(status ?? 1);
