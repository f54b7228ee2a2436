// The script of the test page.
import { runLaws } from './laws.js';
import { storageTests } from './storage-tests.js';
import { workerTests } from './worker-tests.js';

Object.assign(globalThis, { tests: { runLaws, ...storageTests, ...workerTests } });
