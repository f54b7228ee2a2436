// In bundles for browsers `web-thread.ts` stands in its place.
import { Worker } from 'node:worker_threads';
import { ConfigError } from '../../../core/errors.js';
import { threadProgram } from '../../../core/thread-program.js';
import type { StartThread } from './worker-thread.js';

/**
 * Starts a thread of Node.js.
 *
 * @throws {@link ConfigError} for a web worker, which there is none of; {@link WorkerTransferError} in a bundled application.
 */
export const startPlatformThread: StartThread = (id, createWorker) => {
  if (createWorker) {
    throw new ConfigError('DataLoader options', [
      { field: 'createWorker', message: 'is for browsers: in Node.js leave it out, its threads need none' },
    ]);
  }
  // The build puts the program into one file: importing its modules one by one would take as long as starting the thread.
  const program = threadProgram('./bundle/entry.js', import.meta.url);
  return new Worker(program, { name: `millrace worker ${id}` });
};
