import type { Allocate } from '../core/dataset.js';
import { bytesPerElement, type DType, viewOf } from '../core/dtype.js';
import { elementCount, type Tensor, zeroTensor } from '../core/tensor.js';

/** Where the tensors of batches are made. */
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
  /** The lent slot to give back with `release`, if there is one. */
  readonly slot: number | undefined;
}

/** A batch owns its memory, and stays on this thread. */
export class LocalMemory implements BatchMemory {
  readonly allocate = zeroTensor;

  begin(): void {}

  end(): BatchFootprint {
    return nothing;
  }
}

const nothing: BatchFootprint = { transfer: [], slot: undefined };

/** A batch owns its memory: each tensor gets a buffer of its own, which moves to the reader without a copy. */
export class OwnedMemory implements BatchMemory {
  #buffers: ArrayBuffer[] = [];

  readonly allocate: Allocate = <D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> => {
    const length = elementCount(shape);
    const buffer = new ArrayBuffer(length * bytesPerElement(dtype));
    this.#buffers.push(buffer);
    return { dtype, shape, data: viewOf(dtype, buffer, 0, length) };
  };

  begin(): void {
    this.#buffers = [];
  }

  end(): BatchFootprint {
    return { transfer: this.#buffers, slot: undefined };
  }
}

// Copies into shared memory are several times slower unless source and target agree modulo 8; 64 keeps the tensors of
// two slots off one cache line as well.
const alignment = 64;

/**
 * Batches are lent: they are written into slots of shared memory that are used again once released. A slot grows to the
 * largest batch it has held; what does not fit yet gets memory of its own and is counted as overflow.
 */
export class LentMemory implements BatchMemory {
  readonly #slots: { buffer: ArrayBufferLike; busy: boolean }[] = [];
  #slot = -1;
  #used = 0;
  overflows = 0;

  readonly allocate: Allocate = <D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> => {
    const length = elementCount(shape);
    const start = this.#used;
    this.#used += Math.ceil((length * bytesPerElement(dtype)) / alignment) * alignment;
    const { buffer } = this.#slots[this.#slot]!;
    if (this.#used <= buffer.byteLength) return { dtype, shape, data: viewOf(dtype, buffer, start, length) };
    this.overflows += 1;
    return { dtype, shape, data: viewOf(dtype, newBuffer(length * bytesPerElement(dtype)), 0, length) };
  };

  begin(): void {
    this.#used = 0;
    this.#slot = this.#slots.findIndex(({ busy }) => !busy);
    if (this.#slot < 0) this.#slot = this.#slots.push({ buffer: newBuffer(0), busy: false }) - 1;
    this.#slots[this.#slot]!.busy = true;
  }

  end(): BatchFootprint {
    const slot = this.#slots[this.#slot]!;
    // The batch in flight keeps its views; only the next one in this slot sees the larger buffer.
    if (this.#used > slot.buffer.byteLength) slot.buffer = newBuffer(this.#used);
    return { transfer: [], slot: this.#slot };
  }

  /** Gives a slot back. Views of the batch that was in it will show other data. */
  release(slot: number): void {
    const entry = this.#slots[slot];
    if (entry) entry.busy = false;
  }
}

function newBuffer(bytes: number): ArrayBufferLike {
  return typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);
}
