import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type ByteSource, isLocal } from '../../storage/byte-source.js';
import { asBuffer } from './as-buffer.js';

/** Bytes that are read ahead where records are asked for one after the other. */
const localBlock = 2 ** 18;
const remoteBlock = 2 ** 22;
/** A record this close behind the last one continues a walk through the file. */
const nearby = 2 ** 16;

/**
 * Reads records of a source: one by one where they are asked for at random, block by block where they are asked for in turn. A
 * system call a record would cost more than parsing it.
 */
export class RecordReader {
  readonly source: ByteSource;
  readonly #blockBytes: number;
  #block: Buffer = Buffer.alloc(0);
  #blockStart = 0;
  /** The block as text where it is ASCII, so that a byte is a character; `null` where it is not. */
  #blockText: string | null | undefined;
  /** Where the record that was asked for last ended. */
  #lastEnd = 0;
  #loading: Promise<void> | undefined;

  constructor(source: ByteSource) {
    this.source = source;
    this.#blockBytes = isLocal(source) ? localBlock : remoteBlock;
  }

  /** Bytes `start … end - 1`, in memory that others may share: look, do not keep. */
  read(start: number, end: number): MaybePromise<Uint8Array> {
    const known = this.#inBlock(start, end);
    if (known) return known;
    const isNext = start >= this.#lastEnd && start - this.#lastEnd <= nearby;
    this.#lastEnd = end;
    if (!isNext || end - start >= this.#blockBytes) return this.#readExactly(start, end);
    const blockEnd = Math.min(this.source.byteLength, start + this.#blockBytes);
    if (isLocal(this.source)) {
      this.#keep(this.source.readSync(start, Math.max(end, blockEnd)), start);
      return this.#inBlock(start, end)!;
    }
    return this.#readBlock(start, end, blockEnd);
  }

  /**
   * Bytes `start … end - 1` as text; `undefined` where they are not UTF-8. In a block of ASCII a record is a part of a text that was
   * decoded once.
   */
  text(start: number, end: number): MaybePromise<string | undefined> {
    const from = start - this.#blockStart;
    if (from >= 0 && end - this.#blockStart <= this.#block.length) {
      if (this.#blockText === undefined)
        this.#blockText = isAscii(this.#block) ? this.#block.toString('latin1') : null;
      if (this.#blockText !== null) {
        this.#lastEnd = end;
        return this.#blockText.slice(from, end - this.#blockStart);
      }
    }
    return andThen(this.read(start, end), textOf);
  }

  #inBlock(start: number, end: number): Buffer | undefined {
    const from = start - this.#blockStart;
    if (from < 0 || end - this.#blockStart > this.#block.length) return undefined;
    this.#lastEnd = end;
    return this.#block.subarray(from, end - this.#blockStart);
  }

  #readExactly(start: number, end: number): MaybePromise<Buffer> {
    if (isLocal(this.source)) return asBuffer(this.source.readSync(start, end));
    return this.source.read(start, end).then(asBuffer);
  }

  /** Records that are asked for together wait for the same block. */
  async #readBlock(start: number, end: number, blockEnd: number): Promise<Buffer> {
    while (this.#loading) {
      await this.#loading.catch(() => {});
      const known = this.#inBlock(start, end);
      if (known) return known;
    }
    const loading = this.source
      .read(start, Math.max(end, blockEnd))
      .then((bytes) => this.#keep(bytes, start))
      .finally(() => {
        this.#loading = undefined;
      });
    this.#loading = loading;
    await loading;
    return this.#inBlock(start, end)!;
  }

  #keep(bytes: Uint8Array, start: number): void {
    this.#block = asBuffer(bytes);
    this.#blockStart = start;
    this.#blockText = undefined;
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  const text = asBuffer(bytes).toString('utf8');
  // What is not UTF-8 becomes this character, which may also be meant.
  return text.includes('\ufffd') && !isUtf8(bytes) ? undefined : text;
}
