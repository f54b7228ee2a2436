// The script of the test page.
import { runLaws } from './laws.js';
import { workerTests } from './worker-tests.js';

Object.assign(globalThis, { tests: { runLaws, ...workerTests } });
