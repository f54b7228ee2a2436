import { availableParallelism, devNull } from 'node:os';
import { defineConfig } from 'vitest/config';
import { findChromium, findRedis } from './scripts/test-servers.js';
import SlowFilesFirst from './test/setup/slow-files-first.js';

/**
 * Each of these files has a process of its own: it talks to a browser, bundles, replaces a part of Millrace, looks at everything that
 * its process holds, or expects what a process does once: a warning, a search for credentials.
 */
const alone = [
  'test/{accelerator,browser,simulator,web}/**/*.test.ts',
  'test/deepspeed/data-loader.test.ts',
  'test/loader/{dropped-loaders,event-loop,worker-death}.test.ts',
  'test/storage/credential-chains.test.ts',
];

/** These files install the package as it is published, which is made before they run. */
const packed = ['test/browser/size.test.ts', 'test/package/{browser,bundling,consumer-types,packed}.test.ts'];

/** Settings of all projects below. */
const shared = {
  pool: 'forks',
  server: { deps: { external: [/\/dist\//] } },
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
  setupFiles: ['test/setup/every-file.ts'],
  // No test waits on the clock. This only ends one that hangs, on a machine ten times slower than ours too.
  testTimeout: 900_000,
  hookTimeout: 900_000,
} as const;

// Tests import `millrace` by its package name, which resolves to the build in dist/: one file for each module. Worker threads load the
// same files. The tests of `packed` run what ships: the same modules, bundled.
export default defineConfig({
  test: {
    env: shared.env,
    globalSetup: ['test/setup/shared-browser.ts'],
    // One more than there are cores: a test often waits for a process or a page.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: SlowFilesFirst },
    reporters: ['default', './test/setup/failure-summary.ts'],
    projects: [
      { test: { ...shared, name: 'alone', include: alone, exclude: packed } },
      { test: { ...shared, name: 'packed', include: packed, globalSetup: ['scripts/make-package.js'] } },
      {
        test: {
          ...shared,
          // Starting a process and loading Millrace takes longer than most files: few processes run them all.
          name: 'shared',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...alone, ...packed],
          typecheck: {
            // Vitest applies this flag to the root alone, which has no files.
            enabled: !process.argv.includes('--typecheck.enabled=false'),
            checker: './node_modules/typescript-7/bin/tsc',
            tsconfig: './test/setup/tsconfig.type-tests.json',
            include: ['test/**/*.test-d.ts'],
          },
        },
      },
    ],
  },
});
