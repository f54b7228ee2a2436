// The script of the test page.
import { provideModules } from 'millrace';
import { runLaws } from './laws.js';
import { storageTests } from './storage-tests.js';
import { workerTests } from './worker-tests.js';

provideModules({ 'apache-arrow': () => import('apache-arrow') });
Object.assign(globalThis, { tests: { runLaws, ...storageTests, ...workerTests } });
