import type { FromWorker, GuestArrives, ToWorker, WorkerSetup } from './protocol.js';
import type { ThreadPort } from './thread-port.js';
import type { CreateWorker } from './web-worker.js';

/** What a pool needs of a thread. */
export interface WorkerThread {
  on(event: 'message', listener: (message: FromWorker) => void): unknown;
  on(event: 'messageerror' | 'error', listener: (error: Error) => void): unknown;
  /** The exit code is known where threads have one. */
  on(event: 'exit', listener: (code: number | undefined) => void): unknown;
  postMessage(
    message: WorkerSetup | ToWorker | GuestArrives,
    transfer?: readonly (ArrayBuffer | ThreadPort)[],
  ): void;
  /** Ends the thread unless another loader uses it. @defaultValue {@link terminate} */
  leave?(): Promise<unknown>;
  terminate(): Promise<unknown>;
  /** Whether it keeps the process alive. */
  ref(): void;
  unref(): void;
}

/** Starts the thread of worker `id`, which waits for its setup; in a browser from a worker that the user makes. */
export type StartThread = (id: number, createWorker?: CreateWorker) => WorkerThread;
