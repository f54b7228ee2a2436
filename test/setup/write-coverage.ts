// The test runner ends its processes before V8 would write their coverage, so each file writes what it has at its end.
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

if (process.env.NODE_V8_COVERAGE) afterAll(() => takeCoverage());
