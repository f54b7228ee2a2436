import type { ByteSource } from '../storage/byte-source.js';
import { damagedPart, type PartHeader, partSections } from './part-file.js';

/** Reads a sorted part from front to back, in pieces. */
export class PartCursor {
  readonly header: PartHeader;
  /** Ordinal of the part. */
  readonly part: number;
  /** Index of the part's first sample. */
  readonly firstId: number;
  /** Value of the current row. */
  value = 0;
  /** Number of samples of the current row. */
  count = 0;
  readonly #source: ByteSource;
  readonly #rowsAtOnce: number;
  readonly #idsAtOnce: number;
  #values: Float64Array = new Float64Array(0);
  #counts: Uint32Array = new Uint32Array(0);
  #ids: Uint32Array = new Uint32Array(0);
  #row = -1;
  /** Row of the first value in memory. */
  #firstRow = 0;
  #id = 0;
  #firstIdInMemory = 0;

  /** @param bufferBytes - Memory limit of the cursor. */
  constructor(source: ByteSource, header: PartHeader, part: number, firstId: number, bufferBytes: number) {
    this.#source = source;
    this.header = header;
    this.part = part;
    this.firstId = firstId;
    this.#rowsAtOnce = Math.max(64, Math.floor(bufferBytes / 24));
    this.#idsAtOnce = Math.max(64, Math.floor(bufferBytes / 8));
  }

  /** Advances to the next row; returns whether there is one, as a promise if it has to be read first. */
  next(): boolean | Promise<boolean> {
    this.#row++;
    if (this.#row >= this.header.rows) return false;
    if (this.#row - this.#firstRow >= this.#values.length) return this.#readRows();
    return this.#take();
  }

  /**
   * Returns the next ids, at most `count`, counted from the start of the range; as a promise if they have to be read
   * first.
   */
  takeIds(count: number): Uint32Array | Promise<Uint32Array> {
    const from = this.#id - this.#firstIdInMemory;
    if (from >= this.#ids.length) return this.#readIds().then(() => this.takeIds(count));
    const ids = this.#ids.subarray(from, from + count);
    this.#id += ids.length;
    return ids;
  }

  close(): void {
    this.#source.close();
  }

  #take(): true {
    this.value = this.#values[this.#row - this.#firstRow]!;
    this.count = this.#counts[this.#row - this.#firstRow]!;
    return true;
  }

  async #readRows(): Promise<boolean> {
    const at = partSections(this.header);
    const end = Math.min(this.header.rows, this.#row + this.#rowsAtOnce);
    const [values, counts] = await Promise.all([
      this.#source.read(at.values + 8 * this.#row, at.values + 8 * end),
      this.#source.read(at.counts + 4 * this.#row, at.counts + 4 * end),
    ]);
    this.#values = new Float64Array(values.buffer, 0, end - this.#row);
    this.#counts = new Uint32Array(counts.buffer, 0, end - this.#row);
    this.#firstRow = this.#row;
    return this.#take();
  }

  async #readIds(): Promise<void> {
    if (this.#id >= this.header.samples)
      throw damagedPart(this.#source, 'its rows have more samples than its header states');
    const at = partSections(this.header);
    const end = Math.min(this.header.samples, this.#id + this.#idsAtOnce);
    const bytes = await this.#source.read(at.ids + 4 * this.#id, at.ids + 4 * end);
    this.#ids = new Uint32Array(bytes.buffer, 0, end - this.#id);
    this.#firstIdInMemory = this.#id;
  }
}
