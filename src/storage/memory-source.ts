import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import type { ByteRanges, LocalSource } from './byte-source.js';
import { checkRange, checkRanges } from './truncated.js';

/** Bytes in memory. Reads return copies, so that no caller writes to the source by accident. */
export class MemorySource implements LocalSource, Movable {
  readonly name: string;
  readonly #bytes: Uint8Array;

  /** @param name - Name in messages. @defaultValue `'memory'` */
  constructor(bytes: Uint8Array, name = 'memory') {
    this.#bytes = bytes;
    this.name = name;
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    return this.readSync(start, end);
  }

  async *stream(start = 0): AsyncGenerator<Uint8Array> {
    yield this.readSync(start, this.byteLength);
  }

  readSync(start: number, end: number): Uint8Array {
    checkRange(this.name, this.byteLength, start, end);
    // Not `slice`, which shares memory if the array is a Buffer.
    return new Uint8Array(this.#bytes.subarray(start, end));
  }

  readRangesSync(ranges: ByteRanges, target: Uint8Array, stride: number): void {
    const { starts, length } = ranges;
    checkRanges(this.name, this.byteLength, ranges, target, stride);
    for (let k = 0; k < starts.length; k++) {
      const start = starts[k]!;
      target.set(this.#bytes.subarray(start, start + length), k * stride + (start % 8));
    }
  }

  [toRecipe](): Recipe {
    return { builtIn: 'MemorySource', args: { bytes: this.#bytes, name: this.name } };
  }

  static fromRecipe({ bytes, name }: { bytes: Uint8Array; name: string }): MemorySource {
    return new MemorySource(bytes, name);
  }

  close(): void {}
}
