import type { SlotPlace } from '../batch/batch-memory.js';
import type { ResolvedOptions } from '../resolve-options.js';

/** Locks pages until the returned function is called. */
export type LockPages = (memory: Uint8Array) => () => void;

/** The page lock of a loader: that of the accelerator, if the loader requests it and the accelerator supports it. */
export async function findPageLock({
  pinMemory,
  reuseBuffers,
}: Pick<ResolvedOptions, 'pinMemory' | 'reuseBuffers'>): Promise<LockPages | undefined> {
  if (!pinMemory || !reuseBuffers) return undefined;
  // Loaded on first use, so that a web page without it does not load it.
  const { getAccelerator } = await import('../../accelerator/get-accelerator.js');
  const accelerator = getAccelerator();
  return accelerator.lockPages && ((memory) => accelerator.lockPages!(memory));
}

interface LockedSlot extends SlotPlace {
  readonly unlock: () => void;
}

/** The locked pages of the slots of one thread. A slot is locked once per address. */
export class SlotPages {
  readonly #lockPages: LockPages;
  readonly #slots = new Map<number, LockedSlot>();

  constructor(lockPages: LockPages) {
    this.#lockPages = lockPages;
  }

  /** Locks the pages of a slot, and unlocks its previous ones. Does nothing for a slot that has not moved. */
  lock(slot: number, buffer: ArrayBufferLike, { byteOffset, byteLength }: SlotPlace): void {
    const before = this.#slots.get(slot);
    if (byteLength === (before?.byteLength ?? 0) && byteOffset === (before?.byteOffset ?? 0)) return;
    before?.unlock();
    const unlock = this.#lockPages(new Uint8Array(buffer, byteOffset, byteLength));
    this.#slots.set(slot, { byteOffset, byteLength, unlock });
  }

  /** Unlocks everything, because the thread has ended. */
  unlock(): void {
    for (const { unlock } of this.#slots.values()) unlock();
    this.#slots.clear();
  }
}
