import type { SlotPlace } from './batch-memory.js';

/** Locks pages until the function that is returned is called. */
export type LockPages = (memory: Uint8Array) => () => void;

interface LockedSlot extends SlotPlace {
  readonly unlock: () => void;
}

/** The locked pages of the slots of one thread. A slot is locked once for each place that it has. */
export class SlotPages {
  readonly #lockPages: LockPages;
  readonly #slots = new Map<number, LockedSlot>();

  constructor(lockPages: LockPages) {
    this.#lockPages = lockPages;
  }

  /** Locks the pages of a slot, and unlocks those that it had before. A slot that is where it was stays as it is. */
  lock(slot: number, buffer: ArrayBufferLike, { byteOffset, byteLength }: SlotPlace): void {
    const before = this.#slots.get(slot);
    if (byteLength === (before?.byteLength ?? 0) && byteOffset === (before?.byteOffset ?? 0)) return;
    before?.unlock();
    const unlock = this.#lockPages(new Uint8Array(buffer, byteOffset, byteLength));
    this.#slots.set(slot, { byteOffset, byteLength, unlock });
  }

  /** Unlocks everything: the thread is gone. */
  unlock(): void {
    for (const { unlock } of this.#slots.values()) unlock();
    this.#slots.clear();
  }
}
