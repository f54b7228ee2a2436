import { keysOf } from './record.js';

/** The typed array that holds the elements of each dtype. `bool` is one byte an element, 0 or 1. */
export interface TypedArrayByDType {
  float32: Float32Array;
  float64: Float64Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

/** Element type of a {@link Tensor}, in numpy's spelling. */
export type DType =
  | 'float32'
  | 'float64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool';

/** The typed array of a dtype: `TypedArrayOf<'float32'>` is `Float32Array`. */
export type TypedArrayOf<D extends DType> = TypedArrayByDType[D];

/** Any typed array a tensor can hold. */
export type TypedArray = TypedArrayByDType[DType];

interface TypedArrayConstructor<A extends TypedArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): A;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): A;
}

const constructors: { readonly [D in DType]: TypedArrayConstructor<TypedArrayByDType[D]> } = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** Every dtype, in the order of the documentation. */
export const dtypes: readonly DType[] = keysOf(constructors);

const dtypeByConstructorName = new Map<string, DType>(
  dtypes.filter((dtype) => dtype !== 'bool').map((dtype) => [constructors[dtype].name, dtype]),
);

/** Bytes of one element. */
export function bytesPerElement(dtype: DType): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/** Whether `value` is the name of a dtype. */
export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(constructors, value);
}

/** Whether elements of the dtype are `bigint` in JavaScript (`int64`, `uint64`). */
export function isBigIntDType(dtype: DType): dtype is 'int64' | 'uint64' {
  return dtype === 'int64' || dtype === 'uint64';
}

/** The dtype that a typed array stands for, or `undefined` for anything else. `Uint8ClampedArray` counts as `uint8`. */
export function dtypeOf(value: unknown): DType | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  const name = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return name === 'Uint8ClampedArray' ? 'uint8' : dtypeByConstructorName.get(name);
}

/** Whether `value` is a typed array that a tensor can hold. A `Uint8ClampedArray` counts as `uint8`. */
export function isTypedArray(value: unknown): value is TypedArray {
  return dtypeOf(value) !== undefined;
}

/** A zero-filled typed array of `length` elements. */
export function zeros<D extends DType>(dtype: D, length: number): TypedArrayOf<D> {
  return new constructors[dtype](length);
}

/** Part of an array, as a view of the same type: `TypedArray.subarray`, whose declaration forgets the type. */
export function subarrayOf<A extends TypedArray>(array: A, start: number, end?: number): A {
  return array.subarray(start, end) as A;
}

/** Copies all elements into an array of the same type. */
export function copyElements<A extends TypedArray>(source: A, target: A, at = 0): void {
  // One declaration stands for all: both arrays have one type, which the compiler cannot express for a union.
  (target as Uint8Array).set(source as Uint8Array, at);
}

/** A view of `length` elements over `buffer` from `byteOffset`, which must be a multiple of the element size. */
export function viewOf<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArrayOf<D> {
  return new constructors[dtype](buffer, byteOffset, length);
}
