import type { SlotPlace } from './batch-memory.js';

/** Locks pages until the function that is returned is called. */
export type LockPages = (memory: Uint8Array) => () => void;

/** The locked pages of the slots of one thread. A slot is locked once for each place that it has. */
export class SlotPages {
  readonly #lockPages: LockPages;
  readonly #unlocks = new Map<number, () => void>();

  constructor(lockPages: LockPages) {
    this.#lockPages = lockPages;
  }

  /** Locks the pages of a slot, and unlocks those that it had before. */
  lock(slot: number, buffer: ArrayBufferLike, { byteOffset, byteLength }: SlotPlace): void {
    this.#unlocks.get(slot)?.();
    this.#unlocks.set(slot, this.#lockPages(new Uint8Array(buffer, byteOffset, byteLength)));
  }

  /** Unlocks everything: the thread is gone. */
  unlock(): void {
    for (const unlock of this.#unlocks.values()) unlock();
    this.#unlocks.clear();
  }
}
