import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type ByteSource, isLocal } from '../../storage/byte-source.js';
import { asBuffer } from './as-buffer.js';

/** Bytes per block for sequential reads. */
const localBlock = 2 ** 18;
const remoteBlock = 2 ** 22;
/** After this many records in sequence, whole blocks are read: a remote block costs more than a record if no further one follows. */
const localSequence = 1;
const remoteSequence = 3;
/** A record that starts within this distance of the last one continues a sequential read. */
const nearby = 2 ** 16;

/**
 * Reads records of a source: one by one in random order, block by block in sequence. A system call per record would cost more
 * than parsing it.
 */
export class RecordReader {
  readonly source: ByteSource;
  readonly #blockBytes: number;
  #block: Buffer = Buffer.alloc(0);
  #blockStart = 0;
  /** The block as text if it is ASCII, where a byte is a character; `null` if it is not. */
  #blockText: string | null | undefined;
  /** End of the last record read. */
  #lastEnd = 0;
  /** Records that were read one after the other. */
  #inRow = 0;
  readonly #enoughInRow: number;
  #loading: Promise<unknown> | undefined;

  constructor(source: ByteSource) {
    this.source = source;
    this.#blockBytes = isLocal(source) ? localBlock : remoteBlock;
    this.#enoughInRow = isLocal(source) ? localSequence : remoteSequence;
  }

  /** Bytes `start … end - 1`, in memory that is shared and reused: read them at once. */
  read(start: number, end: number): MaybePromise<Uint8Array> {
    const known = this.#inBlock(start, end);
    if (known) return known;
    const isNext = start >= this.#lastEnd && start - this.#lastEnd <= nearby;
    this.#lastEnd = end;
    this.#inRow = isNext ? this.#inRow + 1 : 0;
    if (this.#inRow < this.#enoughInRow || end - start >= this.#blockBytes)
      return this.#readExactly(start, end);
    const blockEnd = Math.min(this.source.byteLength, start + this.#blockBytes);
    if (isLocal(this.source)) {
      const block = this.#keep(this.source.readSync(start, Math.max(end, blockEnd)), start);
      return block.subarray(0, end - start);
    }
    return this.#readBlock(start, end, blockEnd);
  }

  /**
   * Bytes `start … end - 1` as text; `undefined` if they are not UTF-8. A record in an ASCII block is a slice of a string that
   * was decoded once.
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
    const known = this.source.readNow?.(start, end);
    return known ? asBuffer(known) : this.source.read(start, end).then(asBuffer);
  }

  /** Concurrent reads of records in one block wait for the same request. */
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
    const block = await loading;
    return block.subarray(0, end - start);
  }

  #keep(bytes: Uint8Array, start: number): Buffer {
    this.#block = asBuffer(bytes);
    this.#blockStart = start;
    this.#blockText = undefined;
    return this.#block;
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  const text = asBuffer(bytes).toString('utf8');
  // Invalid UTF-8 decodes to this character, which the text may also contain.
  return text.includes('\ufffd') && !isUtf8(bytes) ? undefined : text;
}
