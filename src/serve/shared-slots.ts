import { randomBytes } from 'node:crypto';
import { close, fstatSync, openSync, statfsSync, unlinkSync, write, writev, writevSync } from 'node:fs';
import { promisify } from 'node:util';
import { ConfigError, StorageError } from '../core/errors.js';
import { errorCode } from '../core/thrown.js';
import type { EncodedBatch } from './encode-batch.js';

const folder = '/dev/shm';
const pageBytes = 4096;
const zeroBytes = 1 << 20;
/** Below this size a write takes less time than handing it to another thread. */
const quickBytes = 1 << 20;

const writeAsync = promisify(write);
const closeAsync = promisify(close);
const writevAsync = promisify(writev) as unknown as (
  fd: number,
  chunks: readonly Uint8Array[],
  position: number,
) => Promise<{ bytesWritten: number }>;

/** What a client needs to map shared memory. */
export interface SlotsDescription {
  readonly pid: number;
  readonly fd: number;
  readonly device: number;
  readonly inode: number;
  readonly bytes: number;
}

/**
 * Shared memory for the batches of one client: slots in a file in /dev/shm. The file loses its name as soon as it is made, so the kernel
 * frees it when neither process has it open, however they end.
 */
export class SharedSlots {
  readonly slots: number;
  readonly slotBytes: number;
  readonly #fd: number;
  #isClosed = false;
  /** Writes under way; the file is closed after the last one. */
  #writes = 0;

  private constructor(fd: number, slots: number, slotBytes: number) {
    this.#fd = fd;
    this.slots = slots;
    this.slotBytes = slotBytes;
  }

  /**
   * Makes and reserves the memory, so that no later write or read can run out of it.
   *
   * @throws {@link ConfigError} for a wrong size; {@link StorageError} if there is too little memory, with the size needed
   */
  static async reserve(slots: number, slotBytes: number): Promise<SharedSlots> {
    checkSize(slots, slotBytes);
    const bytes = slots * slotBytes;
    const fd = openUnnamed();
    const memory = new SharedSlots(fd, slots, slotBytes);
    try {
      const { bavail, bsize } = statfsSync(folder);
      if (bavail * bsize < bytes) throw tooSmall(bytes, bavail * bsize);
      const zeros = new Uint8Array(zeroBytes);
      for (let at = 0; at < bytes; at += zeroBytes) {
        const length = Math.min(zeroBytes, bytes - at);
        const { bytesWritten } = await writeAsync(fd, zeros, 0, length, at);
        if (bytesWritten < length) throw tooSmall(bytes, at + bytesWritten);
      }
      return memory;
    } catch (error) {
      memory.close();
      throw errorCode(error) === 'ENOSPC' ? tooSmall(bytes) : error;
    }
  }

  get description(): SlotsDescription {
    const { dev, ino } = fstatSync(this.#fd);
    return { pid: process.pid, fd: this.#fd, device: dev, inode: ino, bytes: this.slots * this.slotBytes };
  }

  /** Writes a batch to a slot. One copy. @returns whether it fits */
  async write(slot: number, { chunks, byteLength }: EncodedBatch): Promise<boolean> {
    if (byteLength > this.slotBytes || this.#isClosed) return false;
    const at = slot * this.slotBytes;
    this.#writes += 1;
    try {
      const bytesWritten =
        byteLength < quickBytes
          ? writevSync(this.#fd, chunks, at)
          : (await writevAsync(this.#fd, chunks, at)).bytesWritten;
      return bytesWritten === byteLength;
    } finally {
      this.#writes -= 1;
      this.#closeFile();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#isClosed && this.#writes === 0) void closeAsync(this.#fd).catch(() => {});
  }
}

function openUnnamed(): number {
  const name = `${folder}/millrace-${process.pid}-${randomBytes(8).toString('hex')}`;
  const fd = openSync(name, 'wx+', 0o600);
  unlinkSync(name);
  return fd;
}

function checkSize(slots: number, slotBytes: number): void {
  const isRight = (value: number) => Number.isSafeInteger(value) && value > 0;
  if (isRight(slots) && slots <= 1024 && isRight(slotBytes) && slotBytes % pageBytes === 0) return;
  throw new ConfigError('Shared memory', [
    {
      field: 'slots, slotBytes',
      message: `must be 1 to 1024 slots of a multiple of ${pageBytes} bytes, not ${slots} × ${slotBytes}`,
    },
  ]);
}

function tooSmall(needed: number, found?: number): StorageError {
  return new StorageError(`${folder} is too small for the slots of shared memory`, {
    where: { folder, needed, ...(found !== undefined && { found }) },
    next: `In a container, pass --shm-size ${Math.ceil(needed / 2 ** 20) + 64}m to docker run (Kubernetes: an emptyDir with medium: Memory at ${folder}). Or use fewer slots, or pass shared_memory=False to the client.`,
  });
}
