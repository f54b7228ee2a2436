import type { CudaAccelerator } from './cuda-accelerator.js';
import type { Handle } from './cuda-calls.js';

/** Growth factor for a slot that is too small: later ragged batches are often a little larger. */
const headroom = 1.25;

/**
 * Device memory for one batch at a time, and the events that order access to it:
 *
 *     copying stream    … wait for used │ copy k │ uploaded …
 *     computing stream  … wait for uploaded │ work on k │ used …
 */
export class DeviceSlot {
  /** Completes when the batch is in the slot. */
  readonly uploaded: Handle;
  /** Completes when the work on the batch is done. */
  readonly used: Handle;
  readonly #accelerator: CudaAccelerator;
  #address = 0n;
  #byteLength = 0;

  constructor(accelerator: CudaAccelerator) {
    const driver = accelerator.activate();
    this.#accelerator = accelerator;
    this.uploaded = driver.createEvent();
    this.used = driver.createEvent();
  }

  get address(): bigint {
    return this.#address;
  }

  /**
   * Ensures a capacity in bytes; discards the contents. @throws {@link DeviceMemoryError} if there is not enough
   * memory
   */
  reserve(bytes: number): void {
    if (bytes <= this.#byteLength) return;
    const isFirst = this.#byteLength === 0;
    this.empty();
    const wanted = isFirst ? bytes : Math.ceil(bytes * headroom);
    this.#address = this.#accelerator.allocate(wanted);
    this.#byteLength = wanted;
  }

  /** Frees the memory when the work on it is done; blocks this thread until then. */
  empty(): void {
    if (this.#byteLength === 0) return;
    const driver = this.#accelerator.activate();
    driver.synchronizeEvent(this.uploaded);
    driver.synchronizeEvent(this.used);
    this.#accelerator.free(this.#address, this.#byteLength);
    this.#byteLength = 0;
  }

  destroy(): void {
    this.empty();
    const driver = this.#accelerator.activate();
    driver.destroyEvent(this.uploaded);
    driver.destroyEvent(this.used);
  }
}
