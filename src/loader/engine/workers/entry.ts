// The first module of a worker thread. Its first message is the setup, which the main thread builds while this thread starts.
import { parentPort } from 'node:worker_threads';
import { setWorkerInfo } from '../worker-info.js';
import type { WorkerSetup } from './protocol.js';
import { WorkerProgram } from './worker-program.js';

const port = parentPort!;
port.once('message', (setup: WorkerSetup) => {
  setWorkerInfo(setup.info);
  new WorkerProgram(port, setup);
});
