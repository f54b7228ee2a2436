/** A read from memory takes a few microseconds, one from a disk 50 and more. */
const coldMicroseconds = 20;
/** Weight of the newest measurement. */
const newest = 0.25;

/** Tells from the time that reads take whether the data comes from memory or from further away. */
export class ReadSpeed {
  #microseconds = 0;

  /** Whether reads have been slow lately. */
  get cold(): boolean {
    return this.#microseconds > coldMicroseconds;
  }

  /** Counts `reads` reads of `bytes` bytes altogether that took `ms` milliseconds. */
  record(ms: number, reads: number, bytes: number): void {
    // Copying a large range takes its time, wherever it comes from: 1 GB/s is the slowest that memory is.
    const micros = Math.max(0, ms * 1_000 - bytes / 1_000) / Math.max(1, reads);
    this.#microseconds += newest * (micros - this.#microseconds);
  }
}
