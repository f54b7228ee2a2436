import { startPlatformThread } from './node-thread.js';
import type { StartThread } from './worker-thread.js';

let start: StartThread = startPlatformThread;

export const startThread: StartThread = (id, createWorker) => start(id, createWorker);

/** Has other threads started from now on: those of the simulator, whose time is made up. @returns what was used before */
export function replaceThreads(other: StartThread): StartThread {
  const before = start;
  start = other;
  return before;
}
