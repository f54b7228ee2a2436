import { setTimeout as sleep } from 'node:timers/promises';

const firstDelayMs = 100;
const longestDelayMs = 20_000;

/**
 * Waits between attempts: exponentially longer, with a random share (full jitter, AWS Architecture Blog), so that clients that
 * failed together do not retry together. Progress resets the count of failures.
 */
export class Backoff {
  readonly #retries: number;
  #failures = 0;

  constructor(retries: number) {
    this.#retries = retries;
  }

  /** Failed attempts since the last progress. */
  get failures(): number {
    return this.#failures;
  }

  progressed(): void {
    this.#failures = 0;
  }

  /**
   * Waits before the next attempt.
   *
   * @param atLeastMs - The server's own delay, in milliseconds.
   * @returns whether another attempt is allowed
   */
  async wait(atLeastMs = 0): Promise<boolean> {
    this.#failures += 1;
    if (this.#failures > this.#retries) return false;
    const longest = Math.min(longestDelayMs, firstDelayMs * 2 ** (this.#failures - 1));
    await sleep(Math.max(Math.min(atLeastMs, longestDelayMs), Math.random() * longest));
    return true;
  }
}
