/**
 * Converts batches to jax-js arrays.
 *
 * @packageDocumentation
 */
// Makes the types compile in projects whose lib setting lacks Disposable.
/// <reference lib="esnext.disposable" preserve="true" />

import type { TypedArrayOf } from '../core/dtype.js';
import { CollateError } from '../core/errors.js';
import type { Tensor } from '../core/index.js';
import type { MapTensors } from '../core/map-tensors.js';
import { disposableBatch } from './disposable-batch.js';
import { int32Elements } from './int32-elements.js';

/**
 * A typed array that is not in shared memory, i.e. `Float32Array<ArrayBuffer>`. Typed arrays have no type parameter
 * before TypeScript 5.7, hence this form.
 */
type Unshared<C extends { of(...elements: number[]): unknown }> = ReturnType<C['of']>;

/** The part of the `numpy` module of `@jax-js/jax` that {@link toJax} uses. */
export interface JaxNumpy<A extends JaxArrayLike = JaxArrayLike> {
  array(elements: Unshared<typeof Float32Array | typeof Int32Array | typeof Uint32Array>): A;
  array(elements: Unshared<typeof Float64Array>): A;
  array(elements: boolean[]): A;
}

/** The part of a jax-js array that {@link toJax} uses. */
interface JaxArrayLike {
  readonly refCount: number;
  reshape(shape: number[]): JaxArrayLike;
  dispose(): void;
}

/** A batch as jax-js arrays. `using` frees the arrays that the caller still owns at the end of the block. */
export type JaxBatch<Numpy, Batch> = MapTensors<Batch, ArrayOf<Numpy>> & Disposable;

type ArrayOf<Numpy> = Numpy extends { zeros(shape: number[]): infer A } ? A : JaxArrayLike;

/**
 * Converts the tensors of a batch to jax-js arrays; names, arrays and strings are unchanged.
 *
 * float32, float64, int32, uint32 and bool keep their dtype. jax-js has no other integers: int8, int16, uint8, uint16,
 * int64 and uint64 become int32. float64 needs a platform with `Float16Array` (Node.js 24), which jax-js tests for first.
 *
 * Elements are copied once, into the memory of jax-js's backend; bool and converted integers are copied twice.
 *
 * @param numpy - `numpy` of `@jax-js/jax`; arrays are created on its default device.
 * @returns Arrays that the caller owns. They are independent of `batch`, whose memory the loader may reuse. As everywhere
 *   in jax-js, the first function that receives an array takes ownership; pass `array.ref` to keep it. `using` disposes of
 *   the arrays that the caller still owns at the end of the block; without it, call `dispose()` on unused arrays.
 * @throws {@link CollateError} if an integer does not fit into int32, or jax-js lacks float64 on this platform.
 * @example
 * for await (const batch of loader) {
 *   using arrays = toJax(numpy, batch);
 *   loss = step(parameters, arrays.tokens, arrays.lengths);
 * }
 */
export function toJax<Numpy extends JaxNumpy, Batch>(numpy: Numpy, batch: Batch): JaxBatch<Numpy, Batch> {
  const convert = (tensor: Tensor, path: string) =>
    toFlatArray(numpy, tensor, path).reshape([...tensor.shape]) as ArrayOf<Numpy>;
  return disposableBatch(batch, convert, (array) => {
    const { refCount } = array as JaxArrayLike;
    if (refCount > 0) (array as JaxArrayLike).dispose();
  });
}

function toFlatArray(numpy: JaxNumpy, tensor: Tensor, path: string): JaxArrayLike {
  // The jax-js types require unshared memory, but jax-js copies from either kind.
  switch (tensor.dtype) {
    case 'float32':
      return numpy.array(tensor.data as Float32Array<ArrayBuffer>);
    case 'float64':
      requireFloat64(path);
      return numpy.array(tensor.data as Float64Array<ArrayBuffer>);
    case 'uint32':
      return numpy.array(tensor.data as Uint32Array<ArrayBuffer>);
    case 'int32':
      return numpy.array(tensor.data as Int32Array<ArrayBuffer>);
    case 'bool':
      return numpy.array(Array.from(tensor.data as TypedArrayOf<'bool'>, Boolean));
    default:
      return numpy.array(int32Elements(tensor, path, 'jax-js') as Int32Array<ArrayBuffer>);
  }
}

// jax-js 0.1.25 tests for Float16Array before Float64Array and fails on platforms without Float16Array.
function requireFloat64(path: string): void {
  if ('Float16Array' in globalThis) return;
  throw new CollateError('jax-js does not accept float64 on this platform, which has no Float16Array', {
    where: { path: path || '(batch)', dtype: 'float64' },
    next: "Use float32 (numberDtype: 'float32' in the loader), or run on Node.js 24 or later.",
  });
}
