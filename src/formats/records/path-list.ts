import { createHash } from 'node:crypto';

/** Many paths in two arrays of shared memory, which threads read without a copy. */
export class PathList {
  readonly #text: Uint8Array;
  readonly #ends: Float64Array;

  /**
   * @param text - All paths end to end, in UTF-8.
   * @param ends - Shape `[n]`: the end of each path, in bytes.
   */
  constructor(text: Uint8Array, ends: Float64Array) {
    this.#text = text;
    this.#ends = ends;
  }

  static from(paths: readonly string[]): PathList {
    const encoded = Buffer.from(paths.join(''));
    const text = new Uint8Array(new SharedArrayBuffer(encoded.length));
    text.set(encoded);
    const ends = new Float64Array(new SharedArrayBuffer(8 * paths.length));
    let end = 0;
    paths.forEach((path, k) => {
      end += Buffer.byteLength(path);
      ends[k] = end;
    });
    return new PathList(text, ends);
  }

  at(index: number): string {
    const start = index === 0 ? 0 : this.#ends[index - 1]!;
    // TextDecoder refuses shared memory.
    return Buffer.from(this.#text.slice(start, this.#ends[index])).toString();
  }

  /** What another thread needs to make the same list. */
  shared(): { readonly text: Uint8Array; readonly ends: Float64Array } {
    return { text: this.#text, ends: this.#ends };
  }

  hash(): string {
    return createHash('sha256').update(this.#text).update(this.#ends).digest('hex');
  }
}
