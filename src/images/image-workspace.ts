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

  /** Copies an array into memory that kernels can read. @returns its address */
  place(name: string, array: ArrayBufferView): number {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const region = this.bytes(name, bytes.length);
    region.set(bytes);
    return region.byteOffset;
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

let shared: ImageWorkspace | undefined;

/** The workspace of this thread. Images are made one after another in it, each synchronously. */
export function imageWorkspace(): ImageWorkspace {
  shared ??= new ImageWorkspace();
  return shared;
}

/** Runs `work` in plain TypeScript, whose results are those of the kernels. */
export function withoutKernels<R>(work: () => R): R {
  const before = shared;
  shared = new ImageWorkspace(null);
  try {
    return work();
  } finally {
    shared = before;
  }
}
