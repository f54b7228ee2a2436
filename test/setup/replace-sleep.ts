import { createRequire, syncBuiltinESMExports } from 'node:module';

const timers = createRequire(import.meta.url)('node:timers/promises') as {
  setTimeout: (ms: number) => Promise<void>;
};
const realSleep = timers.setTimeout;

/**
 * Replaces `setTimeout` of `node:timers/promises` in this process, so that a test sees how long the code wants to sleep.
 *
 * @returns a function that restores the original.
 */
export function replaceSleep(sleep: (ms: number) => Promise<void>): () => void {
  const set = (value: (ms: number) => Promise<void>): void => {
    timers.setTimeout = value;
    syncBuiltinESMExports();
  };
  set(sleep);
  return () => set(realSleep);
}
