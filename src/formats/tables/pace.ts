import { setImmediate } from 'node:timers/promises';

/** How long work goes on before others have their turn, in milliseconds. */
const sliceMs = 20;

/** Lets long work on this thread give way to other events every now and then. */
export class Pace {
  #since = performance.now();

  /** Waits for a turn of the event loop where the last one is long ago. */
  async rest(): Promise<void> {
    if (performance.now() - this.#since < sliceMs) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
