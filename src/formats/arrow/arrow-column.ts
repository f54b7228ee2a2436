/** Elements of a column that is stored as plain values, for lists of them. */
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

/** A column of a record batch, or a child of one. */
export interface ArrowColumn {
  readonly length: number;
  /** The value of a row, 0 … {@link length} - 1; `null` if missing. */
  readonly value: (row: number) => unknown;
  readonly isMissing: (row: number) => boolean;
  readonly numbers?: (from: number, to: number) => Numbers;
  /** Children of a struct. */
  readonly fields?: readonly ArrowColumn[];
}

/** The parts of a column. */
export interface ColumnParts {
  readonly length: number;
  readonly isMissing: (row: number) => boolean;
  /** Buffers after the validity bitmap. */
  readonly buffers: readonly Uint8Array[];
}

/** Missing values by the validity bitmap. @throws Error if it is too short */
export function missingBy(bitmap: Uint8Array, length: number, missing: number): (row: number) => boolean {
  if (missing === 0) return () => false;
  need(bitmap, Math.ceil(length / 8));
  return (row) => ((bitmap[row >> 3]! >> (row & 7)) & 1) === 0;
}

/** @throws Error if a buffer is shorter than its column needs */
export function need(buffer: Uint8Array | undefined, bytes: number): asserts buffer is Uint8Array {
  if (!buffer || buffer.length < bytes)
    throw new Error(`a column needs a buffer of ${bytes} bytes and has one of ${buffer?.length ?? 0}`);
}

interface TypedArrayClass<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, start: number, length: number): A;
}

/** The first elements of a buffer, copied if they are not aligned. */
export function elements<A>(Class: TypedArrayClass<A>, buffer: Uint8Array | undefined, count: number): A {
  const bytes = count * Class.BYTES_PER_ELEMENT;
  need(buffer, bytes);
  const { buffer: memory, byteOffset } =
    buffer.byteOffset % Class.BYTES_PER_ELEMENT === 0 ? buffer : buffer.slice(0, bytes);
  return new Class(memory, byteOffset, count);
}

/**
 * Offset of each value, and the end of the last one: ascending, and at most `limit`.
 *
 * @throws Error if they are not
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
  if (last > limit) throw new Error('the offsets of a column extend beyond its values');
  return offsets;
}

/** 64-bit numbers as JavaScript numbers; inexact offsets exceed every limit. */
export function wide(buffer: Uint8Array | undefined, count: number): Float64Array {
  const halves = elements(Int32Array, buffer, 2 * count);
  return Float64Array.from(
    { length: count },
    (_, k) => halves[2 * k + 1]! * 2 ** 32 + (halves[2 * k]! >>> 0),
  );
}
