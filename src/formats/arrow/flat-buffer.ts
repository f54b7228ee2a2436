// FlatBuffers, https://flatbuffers.dev/internals/, as far as Arrow's metadata uses them. Every offset is checked by the view.
import { mapEach } from '../../core/map-each.js';

/** A table: fields by position in the schema. */
export class FlatTable {
  readonly #view: DataView;
  readonly #start: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;

  constructor(view: DataView, start: number) {
    this.#view = view;
    this.#start = start;
    this.#vtable = start - view.getInt32(start, true);
    this.#vtableBytes = view.getUint16(this.#vtable, true);
  }

  /** The root table of a buffer. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  has(field: number): boolean {
    return this.#at(field) !== undefined;
  }

  int8(field: number, absent = 0): number {
    const at = this.#at(field);
    return at === undefined ? absent : this.#view.getInt8(at);
  }

  int16(field: number, absent = 0): number {
    const at = this.#at(field);
    return at === undefined ? absent : this.#view.getInt16(at, true);
  }

  int32(field: number, absent = 0): number {
    const at = this.#at(field);
    return at === undefined ? absent : this.#view.getInt32(at, true);
  }

  /** @throws Error if JavaScript cannot represent the number as length or offset */
  int64(field: number): number {
    const at = this.#at(field);
    return at === undefined ? 0 : wholeNumber(this.#view, at);
  }

  /** An identifier: any number. */
  id(field: number): bigint {
    const at = this.#at(field);
    return at === undefined ? 0n : this.#view.getBigInt64(at, true);
  }

  text(field: number): string {
    const at = this.#at(field);
    if (at === undefined) return '';
    const start = at + this.#view.getUint32(at, true);
    const length = this.#view.getUint32(start, true);
    if (length > this.#view.byteLength - start - 4) throw new RangeError('a text is cut short');
    return new TextDecoder().decode(
      new Uint8Array(this.#view.buffer, this.#view.byteOffset + start + 4, length),
    );
  }

  table(field: number): FlatTable | undefined {
    const at = this.#at(field);
    return at === undefined ? undefined : new FlatTable(this.#view, at + this.#view.getUint32(at, true));
  }

  tables(field: number): FlatTable[] {
    const { start, count } = this.#vector(field, 4);
    return Array.from({ length: count }, (_, k) => {
      const at = start + 4 * k;
      return new FlatTable(this.#view, at + this.#view.getUint32(at, true));
    });
  }

  /** Structs of `bytes` bytes, of which the 64-bit numbers at these offsets are read. */
  structs<const O extends readonly number[]>(field: number, bytes: number, offsets: O) {
    const { start, count } = this.#vector(field, bytes);
    return Array.from({ length: count }, (_, k) =>
      mapEach(offsets, (offset) => wholeNumber(this.#view, start + k * bytes + offset)),
    );
  }

  /** A 32-bit number of the k-th struct. */
  structInt32(field: number, bytes: number, k: number, offset: number): number {
    return this.#view.getInt32(this.#vector(field, bytes).start + k * bytes + offset, true);
  }

  int32s(field: number): number[] {
    const { start, count } = this.#vector(field, 4);
    return Array.from({ length: count }, (_, k) => this.#view.getInt32(start + 4 * k, true));
  }

  #at(field: number): number | undefined {
    const entry = 4 + 2 * field;
    if (entry >= this.#vtableBytes) return undefined;
    const offset = this.#view.getUint16(this.#vtable + entry, true);
    return offset === 0 ? undefined : this.#start + offset;
  }

  #vector(field: number, bytes: number): { readonly start: number; readonly count: number } {
    const at = this.#at(field);
    if (at === undefined) return { start: 0, count: 0 };
    const start = at + this.#view.getUint32(at, true);
    const count = this.#view.getUint32(start, true);
    if (count * bytes > this.#view.byteLength - start - 4) throw new RangeError('a list is cut short');
    return { start: start + 4, count };
  }
}

function wholeNumber(view: DataView, at: number): number {
  const value = view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  if (value < 0 || !Number.isSafeInteger(value)) throw new Error(`a length or offset is ${value}`);
  return value;
}
