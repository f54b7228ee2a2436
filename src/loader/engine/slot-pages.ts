import type { SlotPlace } from '../batch/batch-memory.js';
import type { ResolvedOptions } from '../data-loader-options.js';

/** Locks pages until the function that is returned is called. */
export type LockPages = (memory: Uint8Array) => () => void;

/** What locks pages for a loader: the accelerator of this process, if the loader asks for it and the accelerator has a use for it. */
export async function findPageLock({
  pinMemory,
  reuseBuffers,
}: Pick<ResolvedOptions, 'pinMemory' | 'reuseBuffers'>): Promise<LockPages | undefined> {
  if (!pinMemory || !reuseBuffers) return undefined;
  // On first use, so that a page that does not ask for it does not load it.
  const { getAccelerator } = await import('../../accelerator/get-accelerator.js');
  const accelerator = getAccelerator();
  return accelerator.lockPages && ((memory) => accelerator.lockPages!(memory));
}

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
