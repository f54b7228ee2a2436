/** A read from memory takes a few microseconds, a read from disk 50 or more. */
const coldMicroseconds = 20;
/** Weight of the newest measurement. */
const newest = 0.25;

/** Tells from read times whether data comes from memory or from a disk. */
export class ReadSpeed {
  #microseconds = 0;

  /** Whether recent reads were slow. */
  get cold(): boolean {
    return this.#microseconds > coldMicroseconds;
  }

  /** Records that `reads` reads of `bytes` bytes in total took `ms` milliseconds. */
  record(ms: number, reads: number, bytes: number): void {
    // Copying a large range takes time even from memory: 1 GB/s at the slowest.
    const micros = Math.max(0, ms * 1_000 - bytes / 1_000) / Math.max(1, reads);
    this.#microseconds += newest * (micros - this.#microseconds);
  }
}
