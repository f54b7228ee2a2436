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
import { errorCode } from '../core/thrown.js';
import { makeFolder } from './make-folder.js';

/** A lock that was not refreshed for this long is taken over, even if its process is alive: the thread may have ended. */
const silentMs = 10_000;
const lookEveryMs = 25;

/**
 * Keeps two processes or threads from doing the same work at once. It only saves time: results appear by one atomic rename, so
 * a lock may be taken over if its holder was killed or has been silent for 10 seconds.
 */
export class CacheLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Waits for a lock.
   *
   * @param isDone - Whether the guarded work has been done meanwhile.
   * @returns `undefined` if it has.
   * @throws system errors: the lock cannot be created, or an abandoned one cannot be removed.
   */
  static async acquire(path: string, isDone: () => boolean): Promise<CacheLock | undefined> {
    for (;;) {
      if (isDone()) return undefined;
      if (create(path)) {
        const lock = new CacheLock(path);
        // The last holder may have finished and released its lock since the first look.
        if (!isDone()) return lock;
        lock.release();
        return undefined;
      }
      if (isAbandoned(path)) takeAway(path);
      else await sleep(lookEveryMs);
    }
  }

  /** Refreshes the lock: its holder is still working. */
  touch(): void {
    try {
      const now = new Date();
      utimesSync(this.#path, now, now);
    } catch {
      // Another thread took it over; the work is done twice.
    }
  }

  release(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // A lock is abandoned if it was silent for long enough.
    }
  }
}

/** @returns whether the lock was created: `false` if it exists */
function create(path: string): boolean {
  makeFolder(dirname(path));
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx');
  } catch (error) {
    // The lock exists, or its folder was just removed.
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

/** @throws system errors: without a look at the lock, waiting for it might never end */
function isAbandoned(path: string): boolean {
  try {
    // A date in the future comes from a wrong clock: no holder sets a date that far ahead.
    if (Math.abs(Date.now() - statSync(path).mtimeMs) > silentMs) return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    const [pid = '', host] = readFileSync(path, 'utf8').split(' ');
    return pid !== '' && host === hostname() && !isAlive(Number(pid));
  } catch {
    // The process is gone, or belongs to another user: the date decides.
    return false;
  }
}

function codeOf(error: unknown): string {
  return errorCode(error) ?? '';
}

/** Whether a process is running on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Removes an abandoned lock. Renaming succeeds once, so only one of several waiters removes it. */
function takeAway(path: string): void {
  const aside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch (error) {
    // Another waiter was faster. Any other error would make the wait endless.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
