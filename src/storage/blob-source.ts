import { StorageError } from '../core/errors.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import { messageOf } from '../core/thrown.js';
import type { ByteSource } from './byte-source.js';
import { checkRange } from './truncated.js';

/** A `Blob`, or a `File` from a file input, a drop or a file handle. */
export interface BlobLike {
  readonly size: number;
  readonly name?: string;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Bytes per chunk of a stream. */
const streamBytes = 2 ** 20;

/**
 * A `Blob` or `File`, read by ranges: a file that the user picked, or one of the origin private file system. Workers receive
 * the file object, not its bytes.
 */
export class BlobSource implements ByteSource, Movable {
  readonly name: string;
  readonly byteLength: number;
  readonly #blob: BlobLike;

  /** @param name - Name in messages and for format detection. @defaultValue the name of the file */
  constructor(blob: BlobLike, name = blob.name ?? 'blob') {
    this.#blob = blob;
    this.name = name;
    this.byteLength = blob.size;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    checkRange(this.name, this.byteLength, start, end);
    try {
      return new Uint8Array(await this.#blob.slice(start, end).arrayBuffer());
    } catch (cause) {
      throw new StorageError(`Cannot read the file: ${messageOf(cause)}`, {
        where: { file: this.name, byteOffset: start },
        next: 'It may have been changed, moved or deleted since it was picked: pick it again.',
        cause,
      });
    }
  }

  async *stream(start = 0): AsyncGenerator<Uint8Array> {
    for (let at = start; at < this.byteLength; at += streamBytes)
      yield await this.read(at, Math.min(at + streamBytes, this.byteLength));
  }

  [toRecipe](): Recipe {
    return { builtIn: 'BlobSource', args: { blob: this.#blob, name: this.name } };
  }

  static fromRecipe({ blob, name }: { blob: BlobLike; name: string }): BlobSource {
    return new BlobSource(blob, name);
  }

  close(): void {}
}
