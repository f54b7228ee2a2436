// Thrift's compact protocol, https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md, as far as Parquet uses it.
// hyparquet's reader allocates what a list claims to hold before it reads it, at every depth: a few bytes end the process.

import { VarIntReader } from './wide-integer.js';

/** A value of a field. A struct is a map by field number, so that untrusted numbers never become property names. */
export type ThriftValue = number | bigint | boolean | Uint8Array | readonly ThriftValue[] | ThriftStruct;
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

/** Most levels of nested structs and lists: Parquet needs fewer than ten. */
const maxDepth = 32;

const Type = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
} as const;

/**
 * Reads one struct. Every element of a list takes at least a byte, so memory is bounded by the input.
 *
 * @returns the struct and its end offset
 * @throws Error if it is damaged; RangeError if it ends early
 */
export function readThrift(
  bytes: Uint8Array,
  start = 0,
): { readonly value: ThriftStruct; readonly end: number } {
  const reader = new CompactReader(bytes, start);
  return { value: reader.struct(0), end: reader.at };
}

class CompactReader extends VarIntReader {
  struct(depth: number): ThriftStruct {
    if (depth > maxDepth) throw new Error('its metadata is nested too deeply');
    const fields = new Map<number, ThriftValue>();
    let id = 0;
    for (;;) {
      const head = this.byte();
      const type = head & 15;
      if (type === Type.stop) return fields;
      id = head >> 4 === 0 ? this.zigZag32() : id + (head >> 4);
      fields.set(id, this.#value(type, depth, false));
    }
  }

  #value(type: number, depth: number, inList: boolean): ThriftValue {
    switch (type) {
      case Type.true:
      case Type.false:
        // In a list a boolean is a byte; as a field its type is its value.
        return inList ? this.byte() === 1 : type === Type.true;
      case Type.byte:
        return (this.byte() << 24) >> 24;
      case Type.i16:
      case Type.i32:
        return this.zigZag32();
      case Type.i64:
        return this.zigZag();
      case Type.double:
        this.at += 8;
        return new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength).getFloat64(
          this.at - 8,
          true,
        );
      case Type.binary:
        return this.#binary();
      case Type.list:
      case Type.set:
        return this.#list(depth + 1);
      case Type.struct:
        return this.struct(depth + 1);
      default:
        throw new Error(`its metadata has a value of unknown type ${type}`);
    }
  }

  #list(depth: number): readonly ThriftValue[] {
    if (depth > maxDepth) throw new Error('its metadata is nested too deeply');
    const head = this.byte();
    const length = head >> 4 === 15 ? this.varInt() : head >> 4;
    if (length > this.bytes.length - this.at)
      throw new RangeError(
        `its metadata has a list of ${length} values in ${this.bytes.length - this.at} bytes`,
      );
    const values: ThriftValue[] = [];
    for (let k = 0; k < length; k++) values.push(this.#value(head & 15, depth, true));
    return values;
  }

  #binary(): Uint8Array {
    const length = this.varInt();
    if (length > this.bytes.length - this.at)
      throw new RangeError(
        `its metadata has ${length} bytes of text in ${this.bytes.length - this.at} bytes`,
      );
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
