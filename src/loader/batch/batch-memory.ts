import type { Allocate } from '../../core/dataset.js';
import { bytesPerElement, type DType, viewOf } from '../../core/dtype.js';
import { sharedBuffer } from '../../core/shared-buffer.js';
import { elementCount, type Tensor, zeroTensor } from '../../core/tensor.js';
import type { Region } from '../../kernels/kernel-memory.js';
import { kernels } from '../../kernels/kernels.js';

/** Allocates the tensors of batches. */
export interface BatchMemory {
  readonly allocate: Allocate;
  /** Begins a batch. */
  begin(): void;
  /** Ends it: what the batch occupies, so that it can be handed over. */
  end(): BatchFootprint;
}

/** What one batch occupies. */
export interface BatchFootprint {
  /** Buffers that belong to the batch alone and can be transferred to another thread. */
  readonly transfer: readonly ArrayBuffer[];
  /** The lent slot that `release` returns, if there is one. */
  readonly slot: number | undefined;
  /** Where the slot lies in {@link LentMemory.buffer}. */
  readonly place?: SlotPlace | undefined;
  /** Whether it did not fit into the slot. */
  readonly overflowed: boolean;
}

/** A slot's bytes in their buffer. */
export interface SlotPlace {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A batch owns its memory, and stays on this thread. */
export class LocalMemory implements BatchMemory {
  readonly allocate = zeroTensor;

  begin(): void {}

  end(): BatchFootprint {
    return nothing;
  }
}

const nothing: BatchFootprint = { transfer: [], slot: undefined, overflowed: false };

/** Tensors below this size go together in a page: a buffer costs as much to hand over as so many bytes to copy. */
const smallBytes = 8_192;
const pageBytes = 65_536;
/** Buffers that came back and are kept to be written again: those of a few batches. */
const maxReturned = 64;

/**
 * A batch owns its memory: a tensor gets a buffer of its own, which moves to the reader without a copy. Small tensors stand
 * together in a page, from which the reader copies them.
 */
export class OwnedMemory implements BatchMemory {
  #buffers: ArrayBuffer[] = [];
  #returned: ArrayBuffer[] = [];
  #page = new ArrayBuffer(pageBytes);
  #pageUsed = 0;
  /** Where the page was used up to when the batch that is being made began; `undefined` between batches. */
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

  /** Holds the small tensors since the last {@link turnPage}. */
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

// Copies into shared memory are several times slower unless source and target agree modulo 8; 64 keeps the tensors of
// two slots off one cache line as well.
const alignment = 64;

/** The largest page of common systems: slots whose pages are locked share none. */
const lockablePageBytes = 65_536;

/** Growth factor for a slot that was too small: later ragged batches are often a little larger. */
const headroom = 1.25;

/** Slots of a thread at most; batches beyond them get memory of their own. */
export const maxSlots = 256;

/**
 * Batches are lent: they are written into slots of shared memory that are used again once released. A slot lies in the memory
 * of this thread's kernels, so that they write batches where they will be read. It grows to the largest batch there has been;
 * what does not fit gets memory of its own and is counted as overflow.
 */
export class LentMemory implements BatchMemory {
  readonly #slots: SlotMemory[] = [];
  /** 1 for each slot that is lent. */
  readonly #lent: Int32Array;
  #slot = -1;
  #used = 0;
  #overflowed = false;
  readonly #unit: number;
  /** Bytes that slots should have. */
  #wanted = 0;

  /**
   * @param lent - Where it is kept which slots are lent, {@link maxSlots} elements. Shared memory lets another thread give
   *   them back. @defaultValue memory of this thread
   * @param wholePages - Whether slots are of whole pages, so that those can be locked.
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
    // The first free one: the fewer slots go round, the more of them stay in the processor's cache.
    let slot = 0;
    while (slot < maxSlots && Atomics.load(this.#lent, slot) === 1) slot++;
    this.#slot = slot;
    if (slot === maxSlots) return;
    Atomics.store(this.#lent, slot, 1);
    // Only now: the batch that did not fit may have had its other tensors in the slot.
    const memory = this.#slots[slot] ?? emptySlot;
    this.#slots[slot] =
      memory.byteLength < this.#wanted ? replaced(memory, this.#wanted, this.#unit) : memory;
  }

  end(): BatchFootprint {
    // The very first batch does not count: the size of the slots is taken from it.
    const overflowed = this.#overflowed && this.#wanted > 0;
    if (this.#overflowed)
      this.#wanted = Math.max(this.#wanted, Math.ceil(this.#used * (overflowed ? headroom : 1)));
    const slot = this.#slot < maxSlots ? this.#slot : undefined;
    return { transfer: [], slot, place: this.#slots[this.#slot], overflowed };
  }

  /** Releases a slot. Views of the batch that was in it will show other data. */
  release(slot: number): void {
    Atomics.store(this.#lent, slot, 0);
  }

  /** The buffer that most tensors of the batch lie in. */
  get buffer(): ArrayBufferLike {
    return (this.#slots[this.#slot] ?? emptySlot).buffer;
  }
}

/** Where a slot's bytes are. */
interface SlotMemory extends SlotPlace {
  readonly buffer: ArrayBufferLike;
  /** The part of the kernels' memory, if it is one. */
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
