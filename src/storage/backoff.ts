import { setTimeout as sleep } from 'node:timers/promises';

const firstDelayMs = 100;
const longestDelayMs = 20_000;

/**
 * Waits between tries of one piece of work: longer each time, by a random share, so that clients that failed together do not come
 * back together (full jitter, as the AWS Architecture Blog compares it). Progress makes it forget the failures before.
 */
export class Backoff {
  readonly #retries: number;
  #failures = 0;

  constructor(retries: number) {
    this.#retries = retries;
  }

  /** Tries so far that failed, since the last progress. */
  get failures(): number {
    return this.#failures;
  }

  progressed(): void {
    this.#failures = 0;
  }

  /**
   * Waits for the next try.
   *
   * @param atLeastMs - What the server asked for.
   * @returns whether there is another one
   */
  async wait(atLeastMs = 0): Promise<boolean> {
    this.#failures += 1;
    if (this.#failures > this.#retries) return false;
    const longest = Math.min(longestDelayMs, firstDelayMs * 2 ** (this.#failures - 1));
    await sleep(Math.max(Math.min(atLeastMs, longestDelayMs), Math.random() * longest));
    return true;
  }
}
