/** The elements of a column whose values are what is stored, for lists of them. */
export type Numbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** A column of a record batch, or a part of one. */
export interface ArrowColumn {
  readonly length: number;
  /** The value of a row; `null` where it is missing. Rows are from 0 to {@link length} - 1. */
  readonly value: (row: number) => unknown;
  readonly isMissing: (row: number) => boolean;
  readonly numbers?: (from: number, to: number) => Numbers;
  /** Of a struct. */
  readonly fields?: readonly ArrowColumn[];
}

/** What a column is made from. */
export interface ColumnParts {
  readonly length: number;
  readonly isMissing: (row: number) => boolean;
  /** Buffers behind the one that says what is missing. */
  readonly buffers: readonly Uint8Array[];
}

/** Which values a bitmap says are missing. @throws Error where it is too short */
export function missingBy(bitmap: Uint8Array, length: number, missing: number): (row: number) => boolean {
  if (missing === 0) return () => false;
  need(bitmap, Math.ceil(length / 8));
  return (row) => ((bitmap[row >> 3]! >> (row & 7)) & 1) === 0;
}

/** @throws Error where a buffer has fewer bytes than its column needs */
export function need(buffer: Uint8Array | undefined, bytes: number): asserts buffer is Uint8Array {
  if (!buffer || buffer.length < bytes)
    throw new Error(`a column needs a buffer of ${bytes} bytes, and has ${buffer?.length ?? 0}`);
}

interface TypedArrayClass<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, start: number, length: number): A;
}

/** The first elements of a buffer, which is copied where they do not lie at a multiple of their size. */
export function elements<A>(Class: TypedArrayClass<A>, buffer: Uint8Array | undefined, count: number): A {
  const bytes = count * Class.BYTES_PER_ELEMENT;
  need(buffer, bytes);
  const { buffer: memory, byteOffset } =
    buffer.byteOffset % Class.BYTES_PER_ELEMENT === 0 ? buffer : buffer.slice(0, bytes);
  return new Class(memory, byteOffset, count);
}

/**
 * Where each value starts, and the end of the last: checked to be in order, and not behind `limit`.
 *
 * @throws Error where they are not
 */
export function offsetsOf(
  buffer: Uint8Array | undefined,
  length: number,
  { isLarge, limit }: { readonly isLarge: boolean; readonly limit: number },
): Int32Array | Float64Array {
  // A column without rows may have no offsets.
  if (length === 0) return new Int32Array(1);
  const offsets = isLarge ? wide(buffer, length + 1) : elements(Int32Array, buffer, length + 1);
  let last = 0;
  for (const offset of offsets) {
    if (!(offset >= last)) throw new Error('the offsets of a column are not in order');
    last = offset;
  }
  if (last > limit) throw new Error('the offsets of a column go on behind its values');
  return offsets;
}

/** Numbers of 64 bits as they are in JavaScript; offsets that are not exact are behind every limit. */
export function wide(buffer: Uint8Array | undefined, count: number): Float64Array {
  const halves = elements(Int32Array, buffer, 2 * count);
  return Float64Array.from(
    { length: count },
    (_, k) => halves[2 * k + 1]! * 2 ** 32 + (halves[2 * k]! >>> 0),
  );
}
