import { type WasmMemory, webAssembly } from './web-assembly.js';

/** A range of kernel memory. */
export interface Region {
  /** The address that kernels receive: a multiple of 64. */
  readonly address: number;
  readonly byteLength: number;
}

/** Regions never share a cache line. */
const alignment = 64;
const pageBytes = 65_536;
const maxPages = 65_536;

/**
 * The memory of a thread's kernels, shared with other threads if the platform allows it. Regions stay allocated until
 * freed. The memory grows on demand, up to 4 GiB, and never shrinks.
 */
export class KernelMemory {
  readonly wasm: WasmMemory;
  /** Freed ranges, by address; adjacent ones are merged. */
  readonly #free: Region[] = [];
  /** Growing creates a new buffer over the same bytes; views of older buffers stay valid. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  #buffer: ArrayBufferLike;
  #end = alignment;

  constructor() {
    const { Memory } = webAssembly();
    this.wasm = new Memory({ initial: 1, maximum: maxPages, shared: true });
    this.#buffer = this.wasm.buffer;
    this.#buffers.add(this.#buffer);
  }

  /** The current buffer. */
  get buffer(): ArrayBufferLike {
    return this.#buffer;
  }

  /**
   * Allocates a region of at least `byteLength` bytes with unspecified contents; returns `undefined` if there is no
   * room. O(free regions).
   *
   * @param unit - Address and length are multiples of this; a power of two, 64 or more. @defaultValue `64`
   */
  allocate(byteLength: number, unit = alignment): Region | undefined {
    const wanted = Math.max(1, Math.ceil(byteLength / unit)) * unit;
    const found = this.#takeFree(wanted, unit);
    if (found) return found;
    const address = Math.ceil(this.#end / unit) * unit;
    if (!this.#grow(address + wanted)) return undefined;
    if (address > this.#end) this.free({ address: this.#end, byteLength: address - this.#end });
    this.#end = address + wanted;
    return { address, byteLength: wanted };
  }

  /**
   * Frees a region: merges it with adjacent free ranges, and lowers the end of used memory if it was the last region.
   */
  free({ address, byteLength }: Region): void {
    const index = firstAfter(this.#free, address);
    const before = this.#free[index - 1];
    const after = this.#free[index];
    const joinsBefore = before !== undefined && endOf(before) === address;
    const joinsAfter = after !== undefined && address + byteLength === after.address;
    const start = joinsBefore ? before.address : address;
    const end = joinsAfter ? endOf(after) : address + byteLength;
    const from = joinsBefore ? index - 1 : index;
    const replaced = Number(joinsBefore) + Number(joinsAfter);
    if (end === this.#end) {
      this.#end = start;
      this.#free.splice(from, replaced);
    } else this.#free.splice(from, replaced, { address: start, byteLength: end - start });
  }

  /** Takes the first free range with room; the remainders on both sides stay free. */
  #takeFree(wanted: number, unit: number): Region | undefined {
    for (const [index, region] of this.#free.entries()) {
      const address = Math.ceil(region.address / unit) * unit;
      const end = address + wanted;
      if (end > endOf(region)) continue;
      const left = [
        { address: region.address, byteLength: address - region.address },
        { address: end, byteLength: endOf(region) - end },
      ].filter((rest) => rest.byteLength > 0);
      this.#free.splice(index, 1, ...left);
      return { address, byteLength: wanted };
    }
    return undefined;
  }

  /** The address of a view's first byte, or `undefined` if the view is not in this memory. */
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

function endOf({ address, byteLength }: Region): number {
  return address + byteLength;
}

/** Index of the first region after an address; regions are in order of address. */
function firstAfter(regions: readonly Region[], address: number): number {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (regions[middle]!.address > address) high = middle;
    else low = middle + 1;
  }
  return low;
}
