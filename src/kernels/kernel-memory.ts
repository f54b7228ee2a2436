import { type WasmMemory, webAssembly } from './web-assembly.js';

/** A stretch of memory that kernels can work on. */
export interface Region {
  /** The address, as kernels take it: a multiple of 64. */
  readonly address: number;
  readonly byteLength: number;
}

/** No two regions share a cache line. */
const alignment = 64;
const pageBytes = 65_536;
const maxPages = 65_536;

/**
 * The memory of a thread's kernels, shared with other threads where the platform allows it: regions that live until they are
 * freed. It grows as needed, up to 4 GiB, and never shrinks.
 */
export class KernelMemory {
  readonly wasm: WasmMemory;
  /** Regions that were freed, to be used again. */
  readonly #free: Region[] = [];
  /** Growing gives a new buffer over the same bytes; views of the old ones stay valid. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  #buffer: ArrayBufferLike;
  #end = alignment;

  constructor() {
    const { Memory } = webAssembly();
    this.wasm = new Memory({ initial: 1, maximum: maxPages, shared: true });
    this.#buffer = this.wasm.buffer;
    this.#buffers.add(this.#buffer);
  }

  /** The bytes, as far as it has grown. */
  get buffer(): ArrayBufferLike {
    return this.#buffer;
  }

  /**
   * A region of at least so many bytes with unspecified contents, or `undefined` when there is no room. O(free regions).
   *
   * @param unit - The address and the length are multiples of it; a power of two, 64 or more. @defaultValue `64`
   */
  allocate(byteLength: number, unit = alignment): Region | undefined {
    const wanted = Math.max(1, Math.ceil(byteLength / unit)) * unit;
    const place = this.#free.findIndex(
      (region) =>
        region.byteLength >= wanted && region.address % unit === 0 && region.byteLength % unit === 0,
    );
    if (place >= 0) return this.#free.splice(place, 1)[0];
    const address = Math.ceil(this.#end / unit) * unit;
    if (!this.#grow(address + wanted)) return undefined;
    this.#end = address + wanted;
    return { address, byteLength: wanted };
  }

  free(region: Region): void {
    this.#free.push(region);
  }

  /** The address of a view's first byte, or `undefined` when it lies elsewhere. */
  addressOf(view: ArrayBufferView): number | undefined {
    return this.#buffers.has(view.buffer) ? view.byteOffset : undefined;
  }

  #grow(end: number): boolean {
    const missing = end - this.#buffer.byteLength;
    if (missing <= 0) return true;
    const pages = Math.ceil(missing / pageBytes);
    if (this.#buffer.byteLength / pageBytes + pages > maxPages) return false;
    try {
      this.wasm.grow(pages);
    } catch {
      return false;
    }
    this.#buffer = this.wasm.buffer;
    this.#buffers.add(this.#buffer);
    return true;
  }
}
