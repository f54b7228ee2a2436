// The first module of a worker thread. Its first message is the setup, which the main thread builds while this thread starts.
import { parentPort } from 'node:worker_threads';
import { setWorkerInfo } from '../../../core/worker-info.js';
import { ProgramHost } from './program-host.js';
import type { GuestArrives, ToWorker, WorkerSetup } from './protocol.js';

const port = parentPort!;
const host = new ProgramHost({
  on: (event, listener) => port.on(event, listener),
  postMessage: (message, transfer) => port.postMessage(message, transfer),
  close,
});
port.once('message', (setup: WorkerSetup) => {
  setWorkerInfo(setup.info);
  port.on('message', (message: ToWorker | GuestArrives) => {
    if (message.type === 'guest') host.welcome(message);
  });
  host.start(setup);
});

/** Ends this thread. Deno's port has no `close`; its threads are web workers, which end themselves. */
function close(): void {
  if ('close' in port) port.close();
  else (globalThis as unknown as { close(): void }).close();
}
