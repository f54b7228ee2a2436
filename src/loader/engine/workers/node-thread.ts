// Bundlers for browsers use `web-thread.ts` instead of this file.
import { Worker } from 'node:worker_threads';
import { ConfigError } from '../../../core/errors.js';
import { threadProgram } from '../../../core/thread-program.js';
import type { StartThread, WorkerThread } from './worker-thread.js';

/**
 * Starts a thread of Node.js.
 *
 * @throws {@link ConfigError} if `createWorker` is given: Node.js has no web workers; {@link WorkerTransferError} in a bundled application.
 */
export const startPlatformThread: StartThread = (id, createWorker) => {
  if (createWorker) {
    throw new ConfigError('DataLoader options', [
      { field: 'createWorker', message: 'is for browsers: omit it in Node.js' },
    ]);
  }
  // The build puts the program into one file: importing its modules one by one would take as long as starting the thread.
  const program = threadProgram('loader/engine/workers/bundle/entry.js');
  // Its type for ports to transfer has more members than ports of browsers have.
  return new Worker(program, { name: `millrace worker ${id}` }) as unknown as WorkerThread;
};
