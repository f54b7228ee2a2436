import type { PartReceipt } from '../parts/part-receipt.js';
import type { OnPartProgress } from '../parts/progress-count.js';

/** An entry of a tar shard: the content of a file, or a text. */
export interface TarEntry {
  readonly name: string;
  readonly content: { readonly file: string } | { readonly text: string };
}

/**
 * Samples `start … end - 1` of the input, which become one or more files. The division into parts does not depend on
 * the number of threads.
 */
export interface Part {
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** The tar entries of the samples, for files of a folder. */
  readonly entries?: readonly TarEntry[];
}

/** Writes parts, on any thread. */
export interface PartWriter {
  /**
   * Writes the files of a part into a folder. Each file gets its name when it is complete.
   *
   * @returns The receipt, which the caller writes.
   */
  write(part: Part, folder: string, onProgress: OnPartProgress): Promise<PartReceipt>;
  close(): void | Promise<void>;
}
