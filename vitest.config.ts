import { availableParallelism, devNull } from 'node:os';
import { defineConfig } from 'vitest/config';
import { findChromium, findRedis } from './scripts/test-servers.js';
import SlowFilesFirst from './test/setup/slow-files-first.js';

// Tests run what ships: they import `millrace` by its package name, which resolves to the build in dist/. Worker
// threads load the same files.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    server: { deps: { external: [/\/dist\//] } },
    pool: 'forks',
    // One more than there are cores: a test often waits for a process or a page.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: SlowFilesFirst },
    // Also where vitest is started by hand, so that no test is left out.
    // Clouds' packages look for credentials of this machine nowhere.
    env: {
      MILLRACE_CHROMIUM: findChromium() ?? '',
      MILLRACE_REDIS_SERVER: findRedis() ?? '',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_CONFIG_FILE: devNull,
      METADATA_SERVER_DETECTION: 'none',
    },
    reporters: ['default', './test/setup/failure-summary.ts'],
    globalSetup: ['test/setup/shared-browser.ts'],
    setupFiles: ['test/setup/write-coverage.ts'],
    // No test waits on the clock. This only ends one that hangs, on a machine ten times slower than ours too.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    typecheck: {
      enabled: true,
      checker: './node_modules/typescript-7/bin/tsc',
      tsconfig: './tsconfig.test.json',
      include: ['test/**/*.test-d.ts'],
    },
  },
});
