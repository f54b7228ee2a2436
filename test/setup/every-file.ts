// Runs before each test file.
import { takeCoverage } from 'node:v8';
import fc from 'fast-check';
import { afterAll, vi } from 'vitest';
import { searchSize } from './search-size.js';

/** How many configurations a law is tested with, where the test does not say. */
fc.configureGlobal({ numRuns: searchSize({ short: 40, long: 200 }) });

// Other files run in the same process afterwards.
afterAll(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

// The test runner ends its processes before V8 would write their coverage, so each file writes what it has at its end.
if (process.env.NODE_V8_COVERAGE) afterAll(() => takeCoverage());
