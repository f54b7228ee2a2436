import { crc32 } from 'node:zlib';
import { bytesPerElement, viewOf } from '../core/dtype.js';
import { FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { DifficultyOrder } from '../curriculum/difficulty-order.js';
import { FileSource } from '../storage/file-source.js';
import { localPath } from '../storage/local-path.js';
import { truncated } from '../storage/truncated.js';
import {
  type DifficultyHeader,
  type DifficultySections,
  decodeDifficultyHeader,
  headerBytes,
  sectionsOf,
} from './difficulty-file-header.js';

/** A distinct value, and the number of samples with this value or a smaller one. */
export interface DifficultyRow {
  readonly value: number;
  readonly end: number;
}

/** Number of rows read at once. */
const rowsAtOnce = 65_536;
const checkedAtOnce = 1 << 22;

/**
 * The difficulty of every sample in one file, as `analyzeDifficulty` writes it. Opens in O(1) and stays on disk:
 * samples are read through a memory map, everything else by binary search in the file.
 */
export class DifficultyFile implements DifficultyOrder {
  readonly header: DifficultyHeader;
  readonly #source: FileSource;
  readonly #sections: DifficultySections;
  /** The ids, if there is no memory map to read them from. */
  #ids: Uint32Array | Float64Array | undefined;

  private constructor(source: FileSource, header: DifficultyHeader) {
    this.#source = source;
    this.header = header;
    this.#sections = sectionsOf(header.samples, header.rows, header.valueDtype);
  }

  /**
   * @param path - A path or `file:` URL.
   * @throws {@link StorageError} if it cannot be opened, {@link FormatError} if it is not a difficulty file or its
   *   header is damaged, {@link TruncatedFileError} if it is truncated.
   */
  static openSync(path: string | URL): DifficultyFile {
    const source = new FileSource(localPath(path));
    try {
      if (source.byteLength < headerBytes) throw truncated(source.name, 0, headerBytes, source.byteLength);
      const header = decodeDifficultyHeader(source.readSync(0, headerBytes), source.byteLength, source.name);
      return new DifficultyFile(source, header);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  get length(): number {
    return this.header.samples;
  }

  get smallest(): number {
    return this.header.min;
  }

  /** Returns the difficulty of a sample. O(1). */
  valueOf(sample: number): number {
    return this.valuesBetween(sample, sample + 1)[0]!;
  }

  /** Returns the difficulties of samples `start … end - 1`. */
  valuesBetween(start: number, end: number): ArrayLike<number> {
    return this.#read(this.header.valueDtype, this.#sections.values, start, end);
  }

  /** Returns the samples at positions `start … end - 1` of the order. */
  samplesBetween(start: number, end: number): ArrayLike<number> {
    return this.#read(this.#sections.orderDtype, this.#sections.order, start, end);
  }

  placesUpTo(difficulty: number): number {
    const row = this.#rowsUpTo(difficulty);
    return row === 0 ? 0 : this.#row(row - 1).end;
  }

  replaceBySamples(positions: Int32Array | Float64Array): void {
    const { orderDtype, order } = this.#sections;
    const first = order / bytesPerElement(orderDtype);
    const last = first + this.length;
    const { replaceByElements } = this.#source;
    // Positions in the file must fit into the dtype of positions in the order.
    if (replaceByElements && (last <= 2 ** 31 || positions instanceof Float64Array)) {
      for (let k = 0; k < positions.length; k++) positions[k]! += first;
      replaceByElements.call(this.#source, positions, orderDtype);
      return;
    }
    this.#ids ??= this.samplesBetween(0, this.length) as Uint32Array;
    for (let k = 0; k < positions.length; k++) positions[k] = this.#ids[positions[k]!]!;
  }

  /** Returns the position of a sample in the order. O(log n), because samples of equal difficulty ascend. */
  placeOf(sample: number): number | undefined {
    if (!(sample >= 0 && sample < this.length)) return undefined;
    const row = this.#rowsUpTo(this.valueOf(sample));
    const start = row > 1 ? this.#row(row - 2).end : 0;
    const { end } = this.#row(row - 1);
    return (
      start + firstWhere(end - start, (k) => this.samplesBetween(start + k, start + k + 1)[0]! >= sample)
    );
  }

  /** Yields all rows, ascending, in pieces. */
  *rows(): Generator<readonly DifficultyRow[]> {
    const { rows } = this.header;
    for (let start = 0; start < rows; start += rowsAtOnce) {
      const end = Math.min(rows, start + rowsAtOnce);
      const pairs = this.#read('float64', this.#sections.rows, 2 * start, 2 * end);
      yield Array.from({ length: end - start }, (_, i) => ({ value: pairs[2 * i]!, end: pairs[2 * i + 1]! }));
    }
  }

  /** Made of the checksums, so that equal contents have equal fingerprints. */
  fingerprint(): string {
    const { metric, dataset, samples, checksums } = this.header;
    return fingerprint({ kind: 'DifficultyFile', metric, dataset, samples, checksums: { ...checksums } });
  }

  /** Reads the whole file and compares the checksums. @throws {@link FormatError} naming the damaged section. */
  verify(): void {
    const { orderDtype, order, values, rows } = this.#sections;
    const { samples, valueDtype, checksums } = this.header;
    const sections = {
      order: { start: order, length: samples * bytesPerElement(orderDtype) },
      values: { start: values, length: samples * bytesPerElement(valueDtype) },
      rows: { start: rows, length: 16 * this.header.rows },
    };
    for (const section of ['order', 'values', 'rows'] as const) {
      const { start, length } = sections[section];
      if (this.#checksum(start, start + length) === checksums[section]) continue;
      throw new FormatError(
        `The difficulty index is damaged: the checksum of its ${section} does not match`,
        {
          where: { file: this.#source.name, section, byteOffset: start },
          next: 'Copy the file again, or analyze the dataset again.',
        },
      );
    }
  }

  close(): void {
    this.#source.close();
  }

  /** Number of rows with this value or a smaller one. */
  #rowsUpTo(difficulty: number): number {
    return firstWhere(this.header.rows, (row) => this.#row(row).value > difficulty);
  }

  #row(row: number): DifficultyRow {
    const fields = this.#read('float64', this.#sections.rows, 2 * row, 2 * row + 2);
    return { value: Number(fields[0]), end: Number(fields[1]) };
  }

  #read(
    dtype: DifficultyHeader['valueDtype'],
    section: number,
    start: number,
    end: number,
  ): ArrayLike<number> {
    const size = bytesPerElement(dtype);
    const bytes = this.#source.readSync(section + size * start, section + size * end);
    return viewOf(dtype, bytes.buffer, bytes.byteOffset, end - start);
  }

  #checksum(start: number, end: number): number {
    let checksum = 0;
    for (let at = start; at < end; at += checkedAtOnce)
      checksum = crc32(this.#source.readSync(at, Math.min(end, at + checkedAtOnce)), checksum);
    return checksum;
  }
}

/**
 * Binary search: the first of `0 … count - 1` for which `holds` is true, or `count`. It must be true for all that
 * follow.
 */
function firstWhere(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
