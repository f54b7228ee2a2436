import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { type TypedArray, zeros } from '../core/dtype.js';
import { storageFailure } from '../storage/storage-failure.js';
import { type DifficultyHeader, encodeDifficultyHeader, sectionsOf } from './difficulty-file-header.js';
import type { MergedRows } from './merge-parts.js';

/** Header fields of a difficulty file that are known before writing. */
export type DifficultyFacts = Omit<DifficultyHeader, 'rows' | 'checksums'>;

const bufferedElements = 1 << 16;

/**
 * Writes the three sections of a difficulty file concurrently, each from front to back. The file has a temporary name
 * until it is complete.
 *
 * Every method throws {@link StorageError} if writing fails.
 */
export class DifficultyFileWriter implements MergedRows {
  readonly #path: string;
  readonly #temporaryPath: string;
  readonly #facts: DifficultyFacts;
  readonly #descriptor: number;
  readonly #order: Column;
  readonly #values: Column;
  readonly #rows: Column;
  #ids = 0;
  #rowCount = 0;

  constructor(path: string, facts: DifficultyFacts) {
    this.#path = path;
    this.#temporaryPath = `${path}.${randomBytes(4).toString('hex')}.partial`;
    this.#facts = facts;
    this.#descriptor = this.#guard(() => {
      mkdirSync(dirname(path), { recursive: true });
      return openSync(this.#temporaryPath, 'wx');
    });
    const at = sectionsOf(facts.samples, 0, facts.valueDtype);
    const write = (bytes: Uint8Array, offset: number): void =>
      this.#guard(() => {
        for (let done = 0; done < bytes.length; )
          done += writeSync(this.#descriptor, bytes, done, bytes.length - done, offset + done);
      });
    this.#order = new Column(zeros(at.orderDtype, bufferedElements), at.order, write);
    this.#values = new Column(zeros(facts.valueDtype, bufferedElements), at.values, write);
    this.#rows = new Column(new Float64Array(bufferedElements), at.rows, write);
  }

  addIds(ids: Uint32Array, firstId: number): void {
    this.#order.append(ids, firstId);
    this.#ids += ids.length;
  }

  endRow(value: number): void {
    this.#rows.push(value);
    this.#rows.push(this.#ids);
    this.#rowCount++;
  }

  /** Appends the values of the next samples, in the order of the dataset. */
  addValues(values: Float64Array): void {
    this.#values.append(values, 0);
  }

  /** Writes the header, flushes the file to disk, and renames it to its final name. */
  finish(): void {
    const order = this.#order.finish();
    const values = this.#values.finish();
    const rows = this.#rows.finish();
    const header = encodeDifficultyHeader({
      ...this.#facts,
      rows: this.#rowCount,
      checksums: { order, values, rows },
    });
    this.#guard(() => {
      writeSync(this.#descriptor, header, 0, header.length, 0);
      fsyncSync(this.#descriptor);
      closeSync(this.#descriptor);
      renameSync(this.#temporaryPath, this.#path);
    });
  }

  /** Discards the temporary file. */
  discard(): void {
    closeSync(this.#descriptor);
    rmSync(this.#temporaryPath, { force: true });
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      throw storageFailure('write', this.#path, cause);
    }
  }
}

/** One section, written through a buffer. */
class Column {
  readonly #buffer: Float64Array;
  readonly #write: (bytes: Uint8Array, offset: number) => void;
  #offset: number;
  #filled = 0;
  #checksum = 0;

  constructor(buffer: TypedArray, offset: number, write: (bytes: Uint8Array, offset: number) => void) {
    this.#buffer = buffer as Float64Array;
    this.#offset = offset;
    this.#write = write;
  }

  push(element: number): void {
    if (this.#filled === this.#buffer.length) this.#flush();
    this.#buffer[this.#filled++] = element;
  }

  /** Appends each element plus a number. */
  append(elements: ArrayLike<number>, added: number): void {
    for (let from = 0; from < elements.length; ) {
      if (this.#filled === this.#buffer.length) this.#flush();
      const count = Math.min(elements.length - from, this.#buffer.length - this.#filled);
      const buffer = this.#buffer;
      const to = this.#filled;
      for (let i = 0; i < count; i++) buffer[to + i] = elements[from + i]! + added;
      this.#filled += count;
      from += count;
    }
  }

  /** @returns The checksum of the section. */
  finish(): number {
    this.#flush();
    return this.#checksum;
  }

  #flush(): void {
    const { buffer, BYTES_PER_ELEMENT } = this.#buffer;
    const bytes = new Uint8Array(buffer, 0, this.#filled * BYTES_PER_ELEMENT);
    this.#write(bytes, this.#offset);
    this.#checksum = crc32(bytes, this.#checksum);
    this.#offset += bytes.length;
    this.#filled = 0;
  }
}
