import { setImmediate } from 'node:timers/promises';

/** How long work runs before it yields, in milliseconds. */
const sliceMs = 20;

/** Lets long work yield to the event loop now and then. */
export class Pace {
  #since = performance.now();

  /** Yields to the event loop if the last turn was long ago. */
  async rest(): Promise<void> {
    if (performance.now() - this.#since < sliceMs) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
