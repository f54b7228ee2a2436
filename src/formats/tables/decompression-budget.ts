import { FormatError } from '../../core/errors.js';

/**
 * Counts the bytes that a unit (a block of rows, a record batch) expands to, before they are allocated. A small hostile file
 * can claim any size.
 */
export class DecompressionBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws {@link FormatError} if the unit exceeds its limit */
  take(bytes: number): void {
    this.#used += bytes;
    if (this.#used <= this.#limit) return;
    throw new FormatError(`The rows that are read together expand to more than ${this.#limit} bytes`, {
      where: { maxDecompressedBytes: this.#limit },
      next: 'The file may be damaged. If it is meant to be so large, raise maxDecompressedBytes, or write it with smaller row groups or record batches.',
    });
  }
}
