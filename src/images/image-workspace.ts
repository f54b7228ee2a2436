import { type ImageKernels, imageKernels } from '../kernels/image-kernels.js';
import type { Region } from '../kernels/kernel-memory.js';

/**
 * Memory for making one image, reused for the next. It is in the kernels' memory, if there are kernels, so that they can
 * process it.
 */
export class ImageWorkspace {
  readonly #regions = new Map<string, Region>();
  readonly #arrays = new Map<string, Uint8Array>();
  readonly kernels: ImageKernels | undefined;

  /** @param loaded - The kernels to use; `null`: none. @defaultValue those of the thread, if available */
  constructor(loaded: ImageKernels | null = imageKernels() ?? null) {
    this.kernels = loaded ?? undefined;
  }

  /** At least `bytes` bytes with unspecified contents. Invalidates earlier memory of the same name. */
  bytes(name: string, byteLength: number): Uint8Array {
    if (!this.kernels) return this.#plain(name, byteLength);
    const { memory } = this.kernels;
    let region = this.#regions.get(name);
    if (!region || region.byteLength < byteLength) {
      if (region) memory.free(region);
      region = memory.allocate(byteLength);
      if (!region) throw new RangeError(`No memory for an image of ${byteLength} bytes`);
      this.#regions.set(name, region);
    }
    return new Uint8Array(memory.buffer, region.address, byteLength);
  }

  #plain(name: string, byteLength: number): Uint8Array {
    let array = this.#arrays.get(name);
    if (!array || array.length < byteLength) {
      array = new Uint8Array(byteLength);
      this.#arrays.set(name, array);
    }
    return array.subarray(0, byteLength);
  }
}
