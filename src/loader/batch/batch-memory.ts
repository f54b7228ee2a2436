import type { Allocate } from '../../core/dataset.js';
import { bytesPerElement, type DType, viewOf } from '../../core/dtype.js';
import { sharedBuffer } from '../../core/shared-buffer.js';
import { elementCount, type Tensor, zeroTensor } from '../../core/tensor.js';
import type { Region } from '../../kernels/kernel-memory.js';
import { kernels } from '../../kernels/kernels.js';

/** Allocates the tensors of batches. */
export interface BatchMemory {
  readonly allocate: Allocate;
  /** Starts a batch. */
  begin(): void;
  /** Ends the batch and returns the memory that it occupies. */
  end(): BatchFootprint;
}

/** Memory of one batch. */
export interface BatchFootprint {
  /** Buffers that belong to the batch alone and can be transferred to another thread. */
  readonly transfer: readonly ArrayBuffer[];
  /** The lent slot that `release` returns, if there is one. */
  readonly slot: number | undefined;
  /** Location of the slot in {@link LentMemory.buffer}. */
  readonly place?: SlotPlace | undefined;
  /** Whether the batch did not fit into the slot. */
  readonly overflowed: boolean;
}

/** Byte range of a slot in its buffer. */
export interface SlotPlace {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Memory of batches that own their memory and stay on this thread. */
export class LocalMemory implements BatchMemory {
  readonly allocate = zeroTensor;

  begin(): void {}

  end(): BatchFootprint {
    return nothing;
  }
}

const nothing: BatchFootprint = { transfer: [], slot: undefined, overflowed: false };

/** Tensors below this size share a page: transferring a buffer costs as much as copying this many bytes. */
const smallBytes = 8_192;
const pageBytes = 65_536;
/** Maximum number of returned buffers that are kept for reuse: those of a few batches. */
const maxReturned = 64;

/**
 * Memory of batches that own their memory. A tensor gets its own buffer, which moves to the reader without a copy.
 * Small tensors share a page, from which the reader copies them.
 */
export class OwnedMemory implements BatchMemory {
  #buffers: ArrayBuffer[] = [];
  #returned: ArrayBuffer[] = [];
  #page = new ArrayBuffer(pageBytes);
  #pageUsed = 0;
  /** End of the used part of the page when the current batch was started; `undefined` between batches. */
  #begunAt: number | undefined;

  readonly allocate: Allocate = <D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> => {
    const length = elementCount(shape);
    const bytes = length * bytesPerElement(dtype);
    if (bytes < smallBytes && this.#pageUsed + bytes <= pageBytes) {
      const start = this.#pageUsed;
      this.#pageUsed += Math.ceil(bytes / 8) * 8;
      return { dtype, shape, data: viewOf(dtype, this.#page, start, length) };
    }
    const buffer = this.#returnedBuffer(bytes) ?? new ArrayBuffer(bytes);
    this.#buffers.push(buffer);
    return { dtype, shape, data: viewOf(dtype, buffer, 0, length) };
  };

  /** The small tensors since the last {@link turnPage}. */
  get page(): ArrayBuffer {
    return this.#page;
  }

  begin(): void {
    this.#buffers = [];
    this.#begunAt = this.#pageUsed;
  }

  end(): BatchFootprint {
    this.#begunAt = undefined;
    return { transfer: this.#buffers, slot: undefined, overflowed: false };
  }

  /** Receives buffers of batches that the consumer has released. An allocation of at most their size reuses them. */
  takeBack(buffers: readonly ArrayBuffer[]): void {
    this.#returned = [...this.#returned, ...buffers].slice(-maxReturned);
  }

  #returnedBuffer(bytes: number): ArrayBuffer | undefined {
    const place = this.#returned.findIndex(
      ({ byteLength }) => byteLength >= bytes && byteLength <= headroom * bytes,
    );
    return place < 0 ? undefined : this.#returned.splice(place, 1)[0];
  }

  /** Begins a new page. @returns a copy of the used part of the old page; `undefined` if it is empty */
  turnPage(): ArrayBuffer | undefined {
    if (this.#pageUsed === 0) return undefined;
    const page = this.#page.slice(0, this.#pageUsed);
    // A batch in progress keeps its tensors in this page; they are sent with the next one.
    const isInUse = this.#begunAt !== undefined && this.#pageUsed > this.#begunAt;
    if (!isInUse) {
      this.#pageUsed = 0;
      if (this.#begunAt !== undefined) this.#begunAt = 0;
    }
    return page;
  }
}

// Copies into shared memory are several times slower unless source and target agree modulo 8. 64 also keeps tensors
// of two slots off one cache line.
const alignment = 64;

/** The largest page size of common systems, so that slots with locked pages share none. */
const lockablePageBytes = 65_536;

/** Growth factor for a slot that was too small: later ragged batches are often a little larger. */
const headroom = 1.25;

/** Maximum number of slots per thread; further batches get their own memory. */
export const maxSlots = 256;

/**
 * Memory of lent batches: slots of shared memory that are reused after their release. Slots are in the memory of this
 * thread's kernels, so that kernels write batches where they will be read. A slot grows to the largest batch so far;
 * a batch that does not fit gets its own memory and counts as overflow.
 */
export class LentMemory implements BatchMemory {
  readonly #slots: SlotMemory[] = [];
  /** 1 for each lent slot. */
  readonly #lent: Int32Array;
  #slot = -1;
  #used = 0;
  #overflowed = false;
  readonly #unit: number;
  /** Current size of new slots, in bytes. */
  #wanted = 0;

  /**
   * @param lent - Flags of the lent slots, {@link maxSlots} elements. In shared memory, another thread can release
   *   slots. @defaultValue memory of this thread
   * @param wholePages - Whether slots consist of whole pages, so that these can be locked.
   */
  constructor(lent: Int32Array = new Int32Array(maxSlots), wholePages = false) {
    this.#lent = lent;
    this.#unit = wholePages ? lockablePageBytes : alignment;
  }

  readonly allocate: Allocate = <D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> => {
    const length = elementCount(shape);
    const bytes = length * bytesPerElement(dtype);
    const start = this.#used;
    this.#used += Math.ceil(bytes / alignment) * alignment;
    const { buffer, byteOffset, byteLength } = this.#slots[this.#slot] ?? emptySlot;
    if (this.#used <= byteLength)
      return { dtype, shape, data: viewOf(dtype, buffer, byteOffset + start, length) };
    this.#overflowed = true;
    return { dtype, shape, data: viewOf(dtype, sharedBuffer(bytes), 0, length) };
  };

  begin(): void {
    this.#used = 0;
    this.#overflowed = false;
    // The first free slot: with fewer slots in use, more of them stay in the processor's cache.
    let slot = 0;
    while (slot < maxSlots && Atomics.load(this.#lent, slot) === 1) slot++;
    this.#slot = slot;
    if (slot === maxSlots) return;
    Atomics.store(this.#lent, slot, 1);
    // Grow only now: other tensors of the batch that did not fit may be in the slot.
    const memory = this.#slots[slot] ?? emptySlot;
    this.#slots[slot] =
      memory.byteLength < this.#wanted ? replaced(memory, this.#wanted, this.#unit) : memory;
  }

  end(): BatchFootprint {
    // The first batch does not count: it determines the size of the slots.
    const overflowed = this.#overflowed && this.#wanted > 0;
    if (this.#overflowed)
      this.#wanted = Math.max(this.#wanted, Math.ceil(this.#used * (overflowed ? headroom : 1)));
    const slot = this.#slot < maxSlots ? this.#slot : undefined;
    return { transfer: [], slot, place: this.#slots[this.#slot], overflowed };
  }

  /** Releases a slot. Views of its batch will show other data. */
  release(slot: number): void {
    Atomics.store(this.#lent, slot, 0);
  }

  /** The buffer that contains most tensors of the batch. */
  get buffer(): ArrayBufferLike {
    return (this.#slots[this.#slot] ?? emptySlot).buffer;
  }
}

/** Byte range of a slot. */
interface SlotMemory extends SlotPlace {
  readonly buffer: ArrayBufferLike;
  /** The region of kernel memory, if the slot is in it. */
  readonly region: Region | undefined;
}

const emptySlot: SlotMemory = {
  buffer: new ArrayBuffer(0),
  byteOffset: 0,
  byteLength: 0,
  region: undefined,
};

function replaced(slot: SlotMemory, byteLength: number, unit: number): SlotMemory {
  const memory = kernels()?.memory;
  if (slot.region) memory?.free(slot.region);
  const region = memory?.allocate(byteLength, unit);
  if (!memory || !region)
    return { buffer: sharedBuffer(byteLength), byteOffset: 0, byteLength, region: undefined };
  return { buffer: memory.buffer, byteOffset: region.address, byteLength: region.byteLength, region };
}
