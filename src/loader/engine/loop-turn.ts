/** Maximum time without a turn of the event loop while batches are delivered. */
const longestMs = 0.5;

/**
 * Yields to the event loop at intervals. Batches that are ready arrive as resolved promises, and a loop over those
 * would block timers, sockets and messages for as long as it lasts.
 */
export class LoopTurn {
  #last = performance.now();

  /** Whether it is time for a turn, at a moment of `performance.now()`. */
  isDue(now: number): boolean {
    return now - this.#last > longestMs;
  }

  /** One turn. */
  async take(): Promise<void> {
    await nextTurn();
    this.#last = performance.now();
  }
}

const nextTurn: () => Promise<void> =
  typeof setImmediate === 'function'
    ? () => new Promise((resolve) => setImmediate(resolve))
    : () =>
        new Promise((resolve) => {
          // A timer would wait for 4 ms; a message does not.
          const { port1, port2 } = new MessageChannel();
          const arrived = (): void => {
            port1.close();
            resolve();
          };
          Object.assign(port1, { onmessage: arrived });
          port2.postMessage(null);
        });
