import { defineConfig } from 'vitest/config';

// Tests run what ships: they import `millrace` by its package name, which resolves to the build in dist/. Worker
// threads load the same files.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    server: { deps: { external: [/\/dist\//] } },
    pool: 'forks',
    setupFiles: ['test/setup/write-coverage.ts'],
    testTimeout: 60_000,
    typecheck: {
      enabled: true,
      checker: './node_modules/typescript-7/bin/tsc',
      tsconfig: './tsconfig.test.json',
      include: ['test/**/*.test-d.ts'],
    },
  },
});
