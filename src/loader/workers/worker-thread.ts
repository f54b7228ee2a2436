import { Worker } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.js';

/** What a pool needs of a thread. */
export interface WorkerThread {
  on(event: 'message', listener: (message: FromWorker) => void): unknown;
  on(event: 'messageerror' | 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  postMessage(message: WorkerSetup | ToWorker): void;
  terminate(): Promise<unknown>;
  /** Whether it keeps the process alive. */
  ref(): void;
  unref(): void;
}

/** Starts the thread of worker `id`, which waits for its setup. */
export type StartThread = (id: number) => WorkerThread;

// The build puts the program into one file: importing its modules one by one would take as long as starting the thread.
const program = new URL('./bundle/entry.js', import.meta.url);

let start: StartThread = (id) => new Worker(program, { name: `millrace worker ${id}` });

export function startThread(id: number): WorkerThread {
  return start(id);
}

/** Has other threads started from now on: those of the simulator, whose time is made up. @returns what was used before */
export function replaceThreads(other: StartThread): StartThread {
  const before = start;
  start = other;
  return before;
}
