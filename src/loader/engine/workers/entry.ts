// The first module of a worker thread. Its first message is the setup, which the main thread builds while this thread starts.
import { parentPort } from 'node:worker_threads';
import { setWorkerInfo } from '../worker-info.js';
import type { WorkerSetup } from './protocol.js';
import { WorkerProgram } from './worker-program.js';

const port = parentPort!;
port.once('message', (setup: WorkerSetup) => {
  setWorkerInfo(setup.info);
  new WorkerProgram(
    {
      on: (event, listener) => port.on(event, listener),
      postMessage: (message, transfer) => port.postMessage(message, transfer),
      close,
    },
    setup,
  );
});

/** Ends this thread. Deno's port has no `close`; its threads are web workers, which end themselves. */
function close(): void {
  if ('close' in port) port.close();
  else (globalThis as unknown as { close(): void }).close();
}
