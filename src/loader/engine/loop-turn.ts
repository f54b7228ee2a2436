/** How long a consumer may be fed without a turn of the event loop. */
const longestMs = 0.5;

/**
 * Lets the event loop turn now and then. Batches that are there at once come by promises that are resolved already, and a loop
 * over those keeps timers, sockets and messages waiting for as long as it lasts.
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
