import {
  copyElements,
  type DType,
  dtypeOf,
  isDType,
  subarrayOf,
  type TypedArray,
  type TypedArrayOf,
  zeros,
} from './dtype.js';
import { ShapeError } from './errors.js';
import { isRecord } from './record.js';

/**
 * A dense array in row-major order: plain data that can be sent to other threads and printed.
 *
 * `data` has exactly the product of `shape` elements. A scalar has the shape `[]` and one element.
 */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: TypedArrayOf<D>;
}

type DTypeOfArray<A extends TypedArray> = A extends Float32Array
  ? 'float32'
  : A extends Float64Array
    ? 'float64'
    : A extends BigInt64Array
      ? 'int64'
      : A extends BigUint64Array
        ? 'uint64'
        : A extends Int8Array
          ? 'int8'
          : A extends Int16Array
            ? 'int16'
            : A extends Int32Array
              ? 'int32'
              : A extends Uint16Array
                ? 'uint16'
                : A extends Uint32Array
                  ? 'uint32'
                  : 'uint8';

/** The dtype of a typed array type: `Int32Array` is `'int32'`. */
export type { DTypeOfArray };

/** Product of the dimensions: the number of elements of a tensor of this shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * Makes a tensor over existing data, without a copy.
 *
 * @param data - The elements in row-major order. The tensor shares its memory.
 * @param shape - Dimensions whose product is `data.length`. @defaultValue `[data.length]`
 * @throws {@link ShapeError} unless the product of the dimensions is `data.length`.
 */
export function tensor<A extends TypedArray>(data: A, shape?: readonly number[]): Tensor<DTypeOfArray<A>>;
/** Makes a tensor whose dtype differs from that of the array type: `bool` over a `Uint8Array`. */
export function tensor<D extends DType>(data: TypedArrayOf<D>, shape: readonly number[], dtype: D): Tensor<D>;
export function tensor(data: TypedArray, shape: readonly number[] = [data.length], dtype?: DType): Tensor {
  if (elementCount(shape) !== data.length) {
    throw new ShapeError(
      `A shape of [${shape}] has ${elementCount(shape)} elements, and the data has ${data.length}`,
      {
        where: { shape: `[${shape}]` },
        next: 'Pass a shape whose product is the number of elements.',
      },
    );
  }
  return { dtype: dtype ?? dtypeOf(data)!, shape, data };
}

/** A zero-filled tensor. */
export function zeroTensor<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> {
  return { dtype, shape, data: zeros(dtype, elementCount(shape)) };
}

/** Whether `value` is a {@link Tensor}: an object with a dtype, a shape and a typed array. */
export function isTensor(value: unknown): value is Tensor {
  if (!isRecord(value)) return false;
  const { dtype, shape, data } = value;
  return isDType(dtype) && Array.isArray(shape) && ArrayBuffer.isView(data);
}

/**
 * Row `index` of a tensor along its first dimension, as a view: shape `[d0, ...rest]` gives `[...rest]`.
 *
 * @throws {@link ShapeError} if the tensor is a scalar or the index is outside `0 … d0 - 1`.
 */
export function row<D extends DType>(source: Tensor<D>, index: number): Tensor<D> {
  const [rows, ...shape] = source.shape;
  if (rows === undefined || !Number.isInteger(index) || index < 0 || index >= rows) {
    throw new ShapeError(`Row ${index} of a tensor of shape [${source.shape}] does not exist`, {
      where: { shape: `[${source.shape}]`, index },
      next: 'Rows count from 0 along the first dimension.',
    });
  }
  const size = elementCount(shape);
  return {
    dtype: source.dtype,
    shape,
    data: subarrayOf(source.data, index * size, (index + 1) * size),
  };
}

/**
 * The same tensor over a `SharedArrayBuffer`, so that threads read one copy. A tensor that is already shared, and a
 * platform without shared memory, return the tensor unchanged.
 */
export function shareTensor<D extends DType>(source: Tensor<D>): Tensor<D> {
  return { dtype: source.dtype, shape: source.shape, data: shareTypedArray(source.data) };
}

/** The same elements over a `SharedArrayBuffer`; see {@link shareTensor}. */
export function shareTypedArray<A extends TypedArray>(source: A): A {
  if (typeof SharedArrayBuffer === 'undefined' || source.buffer instanceof SharedArrayBuffer) return source;
  const Constructor = source.constructor as new (buffer: SharedArrayBuffer) => A;
  const shared = new Constructor(new SharedArrayBuffer(source.byteLength));
  copyElements(source, shared);
  return shared;
}
