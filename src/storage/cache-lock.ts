import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './make-folder.js';

/** A lock whose holder gave no sign for this long is taken over, even if its process lives: a thread of it may have been ended. */
const silentMs = 10_000;
const lookEveryMs = 25;

/**
 * Keeps two processes or threads from doing the same work at once. Nothing depends on it but their time: what they make appears
 * under its name by one renaming. So a lock may be taken over when its holder was killed, or has been silent for 10 seconds.
 */
export class CacheLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Waits for a lock.
   *
   * @param isDone - Whether what it guards has been made meanwhile.
   * @returns `undefined` when it has.
   * @throws the system's errors: the lock cannot be made, or one that was left behind cannot be taken away.
   */
  static async acquire(path: string, isDone: () => boolean): Promise<CacheLock | undefined> {
    for (;;) {
      if (isDone()) return undefined;
      if (create(path)) return new CacheLock(path);
      if (isAbandoned(path)) takeAway(path);
      else await sleep(lookEveryMs);
    }
  }

  /** Shows that the holder is at work. */
  touch(): void {
    try {
      const now = new Date();
      utimesSync(this.#path, now, now);
    } catch {
      // Another one took it over: the work is done twice.
    }
  }

  release(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // It is abandoned when it has been silent for long enough.
    }
  }
}

/** @returns whether it was made; not when there is one */
function create(path: string): boolean {
  makeFolder(dirname(path));
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx');
  } catch (error) {
    // There is one, or somebody took the folder away just now.
    if (['EEXIST', 'ENOENT'].includes(codeOf(error))) return false;
    throw error;
  }
  try {
    writeSync(descriptor, `${process.pid} ${hostname()}`);
    return true;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** @throws the system's errors: of a lock that cannot be looked at it is never known when it ends */
function isAbandoned(path: string): boolean {
  try {
    // A date in the future is of a clock that was wrong: no holder touches a lock so far ahead.
    if (Math.abs(Date.now() - statSync(path).mtimeMs) > silentMs) return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    const [pid = '', host] = readFileSync(path, 'utf8').split(' ');
    return pid !== '' && host === hostname() && !isAlive(Number(pid));
  } catch {
    // It is gone, or of another user: its date decides.
    return false;
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}

/** Whether a process of this machine is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Only one of those who find a lock abandoned takes it away: renaming succeeds once. */
function takeAway(path: string): void {
  const aside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch (error) {
    // Somebody else was faster; anything else would be waited for, for ever.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
