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
  /** Stretches that were freed, to be used again, by address; no two touch. */
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
    const found = this.#takeFree(wanted, unit);
    if (found) return found;
    const address = Math.ceil(this.#end / unit) * unit;
    if (!this.#grow(address + wanted)) return undefined;
    if (address > this.#end) this.free({ address: this.#end, byteLength: address - this.#end });
    this.#end = address + wanted;
    return { address, byteLength: wanted };
  }

  /** Gives a region back. It is joined with the free ones beside it, and memory behind the last region is not kept as one. */
  free({ address, byteLength }: Region): void {
    const place = firstBehind(this.#free, address);
    const before = this.#free[place - 1];
    const behind = this.#free[place];
    const joinsBefore = before !== undefined && endOf(before) === address;
    const joinsBehind = behind !== undefined && address + byteLength === behind.address;
    const start = joinsBefore ? before.address : address;
    const end = joinsBehind ? endOf(behind) : address + byteLength;
    const from = joinsBefore ? place - 1 : place;
    const replaced = Number(joinsBefore) + Number(joinsBehind);
    if (end === this.#end) {
      this.#end = start;
      this.#free.splice(from, replaced);
    } else this.#free.splice(from, replaced, { address: start, byteLength: end - start });
  }

  /** The first free stretch with room; what is left of it on both sides stays free. */
  #takeFree(wanted: number, unit: number): Region | undefined {
    for (const [place, region] of this.#free.entries()) {
      const address = Math.ceil(region.address / unit) * unit;
      const end = address + wanted;
      if (end > endOf(region)) continue;
      const left = [
        { address: region.address, byteLength: address - region.address },
        { address: end, byteLength: endOf(region) - end },
      ].filter((rest) => rest.byteLength > 0);
      this.#free.splice(place, 1, ...left);
      return { address, byteLength: wanted };
    }
    return undefined;
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

function endOf({ address, byteLength }: Region): number {
  return address + byteLength;
}

/** The place of the first region behind an address, of regions in order. */
function firstBehind(regions: readonly Region[], address: number): number {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (regions[middle]!.address > address) high = middle;
    else low = middle + 1;
  }
  return low;
}
