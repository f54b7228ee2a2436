// https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
import { isRecord, setOwn } from '../../core/record.js';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads the next value of a type. */
export type ReadValue = (reader: AvroReader) => unknown;

/** Reads values from bytes, and never more values than there are bytes: a few bytes can claim any number. */
export class AvroReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #items = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Reads bytes, which stay part of the input. @throws Error if there are fewer */
  take(length: number): Uint8Array {
    if (!(length >= 0) || this.#at + length > this.#bytes.length) throw new Error('it is cut short');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  long(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt((low >>> 1) ^ -(low & 1));
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new Error('it has a number of more than 64 bits');
  }

  int(): number {
    const byte = this.#bytes[this.#at] ?? 0x80;
    if (byte >= 0x80) return Number(this.long());
    this.#at++;
    return (byte >>> 1) ^ -(byte & 1);
  }

  float(): number {
    const at = this.#at;
    this.take(4);
    return this.#view.getFloat32(at, true);
  }

  double(): number {
    const at = this.#at;
    this.take(8);
    return this.#view.getFloat64(at, true);
  }

  text(): string {
    return utf8.decode(this.take(this.int()));
  }

  /** Reads the numbers of items in the blocks of an array or map, each before its items. */
  *counts(): Generator<number> {
    for (;;) {
      const count = this.int();
      if (count === 0) return;
      // The size of the block follows.
      if (count < 0) this.long();
      this.count(Math.abs(count));
      yield Math.abs(count);
    }
  }

  /** Counts items that follow. @throws Error if there are more than bytes */
  count(items: number): void {
    this.#items += items;
    if (!(items >= 0) || this.#items > this.#bytes.length)
      throw new Error(`it claims ${this.#items} values in ${this.#bytes.length} bytes`);
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new Error('it is cut short');
    return this.#bytes[this.#at++]!;
  }
}

const primitives: ReadonlyMap<unknown, ReadValue> = new Map<unknown, ReadValue>([
  ['null', () => null],
  ['boolean', (reader) => reader.take(1)[0] !== 0],
  ['int', (reader) => reader.int()],
  ['long', (reader) => reader.long()],
  ['float', (reader) => reader.float()],
  ['double', (reader) => reader.double()],
  ['bytes', (reader) => reader.take(reader.int())],
  ['string', (reader) => reader.text()],
]);

/**
 * How to read values of a schema: records as objects, arrays of them as arrays, 64-bit integers as `bigint`.
 *
 * @param named - The types that have names so far.
 * @throws Error for a schema that is not one
 */
export function readerOf(schema: unknown, named = new Map<unknown, ReadValue>()): ReadValue {
  const known = primitives.get(schema) ?? named.get(schema);
  if (known) return known;
  if (Array.isArray(schema)) {
    const branches = schema.map((branch) => readerOf(branch, named));
    return (reader) => {
      const branch = branches[reader.int()];
      if (!branch) throw new Error('it has a value of a type that its schema does not have');
      return branch(reader);
    };
  }
  if (!isRecord(schema)) throw new Error(`its schema has the unknown type ${String(schema)}`);
  const { type, name, fields, items, values, symbols, size } = schema;
  /** Knows a type by its name, before its fields name it. */
  const own = (read: ReadValue): ReadValue => {
    named.set(name, read);
    if (typeof schema.namespace === 'string') named.set(`${schema.namespace}.${String(name)}`, read);
    return read;
  };
  switch (type) {
    case 'record':
      return recordReader(fields, own, named);
    case 'array': {
      const read = readerOf(items, named);
      return (reader) => {
        const made: unknown[] = [];
        for (const count of reader.counts()) for (let k = 0; k < count; k++) made.push(read(reader));
        return made;
      };
    }
    case 'map': {
      const read = readerOf(values, named);
      return (reader) => {
        const made: Record<string, unknown> = {};
        for (const count of reader.counts())
          for (let k = 0; k < count; k++) setOwn(made, reader.text(), read(reader));
        return made;
      };
    }
    case 'enum':
      return own((reader) => (symbols as unknown[])[reader.int()]);
    case 'fixed':
      return own((reader) => reader.take(Number(size)));
    default:
      return readerOf(type, named);
  }
}

function recordReader(
  fields: unknown,
  own: (read: ReadValue) => ReadValue,
  named: Map<unknown, ReadValue>,
): ReadValue {
  const parts: { readonly name: string; readonly read: ReadValue }[] = [];
  const read = own((reader) => {
    const made: Record<string, unknown> = {};
    for (const part of parts) setOwn(made, part.name, part.read(reader));
    return made;
  });
  for (const field of fields as readonly { readonly name: string; readonly type: unknown }[])
    parts.push({ name: field.name, read: readerOf(field.type, named) });
  return read;
}
