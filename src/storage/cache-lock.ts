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
import { setTimeout as sleep } from 'node:timers/promises';

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
    rmSync(this.#path, { force: true });
  }
}

function create(path: string): boolean {
  try {
    const descriptor = openSync(path, 'wx');
    writeSync(descriptor, `${process.pid} ${hostname()}`);
    closeSync(descriptor);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  }
}

function isAbandoned(path: string): boolean {
  try {
    if (Date.now() - statSync(path).mtimeMs > silentMs) return true;
    const [pid = '', host] = readFileSync(path, 'utf8').split(' ');
    return pid !== '' && host === hostname() && !isAlive(Number(pid));
  } catch {
    // It is gone.
    return false;
  }
}

/** Whether a process of this machine is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

/** Only one of those who find a lock abandoned takes it away: renaming succeeds once. */
function takeAway(path: string): void {
  const aside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch {
    // Somebody else was faster.
  }
}
