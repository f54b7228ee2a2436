// `millrace/worker`: the program of a web worker. A script that imports it becomes such a worker.
import { toErrorRecord } from '../../../core/error-record.js';
import { setWorkerInfo } from '../../../core/worker-info.js';
import { ProgramHost } from './program-host.js';
import type { GuestArrives, ToWorker, WorkerSetup } from './protocol.js';
import { type FromWebWorker, type Greeting, type ToWebWorker, webLocks } from './web-worker.js';

export { type ImportModule, provideModules } from '../../../core/provided-modules.js';

interface WorkerScope {
  postMessage(message: FromWebWorker, transfer?: ArrayBuffer[]): void;
  addEventListener(type: string, listener: (event: never) => void): void;
  close(): void;
}

// On a page, and in Node.js, there is nothing to start.
if ('DedicatedWorkerGlobalScope' in globalThis) serve(globalThis as unknown as WorkerScope);

function serve(scope: WorkerScope): void {
  let toProgram: ((message: ToWorker) => void) | undefined;
  const host = new ProgramHost({
    on: (_, listener) => {
      toProgram = listener;
    },
    postMessage: (message, transfer = []) => scope.postMessage(message, [...transfer]),
    close: () => {
      scope.postMessage({ type: 'closing' });
      scope.close();
    },
  });
  const receive = (message: WorkerSetup | ToWorker | GuestArrives): void => {
    if (!('type' in message)) {
      setWorkerInfo(message.info);
      host.start(message);
    } else if (message.type === 'guest') host.welcome(message);
    else toProgram?.(message);
  };
  let received: Promise<void> = Promise.resolve();
  scope.addEventListener('message', ({ data }: { data: ToWebWorker }) => {
    if ('type' in data && data.type === 'greeting') received = hold(scope, data);
    // No user code runs before the lock is held: the page would not notice if it ended the worker.
    else received = received.then(() => receive(data));
  });
  const crash = (event: { preventDefault(): void }, thrown: unknown): void => {
    event.preventDefault();
    scope.postMessage({ type: 'crashed', error: toErrorRecord(thrown) });
  };
  scope.addEventListener('error', (event: { error: unknown; preventDefault(): void }) =>
    crash(event, event.error),
  );
  scope.addEventListener('unhandledrejection', (event: { reason: unknown; preventDefault(): void }) =>
    crash(event, event.reason),
  );
}

/** Holds the lock for the lifetime of the worker. @returns a promise that resolves once it is held, or where there are no locks */
function hold(scope: WorkerScope, { lock }: Greeting): Promise<void> {
  const locks = webLocks();
  if (!locks) return Promise.resolve();
  return new Promise((resolve) => {
    void locks.request(lock, () => {
      scope.postMessage({ type: 'holding' });
      resolve();
      return new Promise(() => {});
    });
  });
}
