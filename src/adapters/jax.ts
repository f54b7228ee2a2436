/**
 * Batches as arrays of jax-js.
 *
 * @packageDocumentation
 */
// So that the types stand in projects whose own library has no disposables yet.
/// <reference lib="esnext.disposable" preserve="true" />

import type { TypedArrayOf } from '../core/dtype.js';
import { CollateError } from '../core/errors.js';
import type { Tensor } from '../core/index.js';
import type { MapTensors } from '../core/map-tensors.js';
import { disposableBatch } from './disposable-batch.js';
import { int32Elements } from './int32-elements.js';

/**
 * A typed array that is not in shared memory: `Float32Array<ArrayBuffer>`, in words that TypeScript before 5.7 has too, where typed
 * arrays have no parameter.
 */
type Unshared<C extends { of(...elements: number[]): unknown }> = ReturnType<C['of']>;

/** What {@link toJax} needs of the `numpy` module of `@jax-js/jax`. */
export interface JaxNumpy<A extends JaxArrayLike = JaxArrayLike> {
  array(elements: Unshared<typeof Float32Array | typeof Int32Array | typeof Uint32Array>): A;
  array(elements: Unshared<typeof Float64Array>): A;
  array(elements: boolean[]): A;
}

/** What {@link toJax} needs of an array of jax-js. */
export interface JaxArrayLike {
  readonly refCount: number;
  reshape(shape: number[]): JaxArrayLike;
  dispose(): void;
}

/** A batch as arrays of jax-js. `using` frees those that are still the caller's at the end of the block. */
export type JaxBatch<Numpy, Batch> = MapTensors<Batch, ArrayOf<Numpy>> & Disposable;

type ArrayOf<Numpy> = Numpy extends { zeros(shape: number[]): infer A } ? A : JaxArrayLike;

/**
 * Turns the tensors of a batch into arrays of jax-js; names, arrays and strings stay as they are.
 *
 * float32, float64, int32, uint32 and bool keep their dtype. jax-js has no other integers: int8, int16, uint8, uint16,
 * int64 and uint64 become int32. float64 needs a platform with `Float16Array` (Node 24), which jax-js looks for first.
 *
 * Elements are copied once, into the memory of jax-js's backend; of narrower and wider integers, and of bool, twice.
 *
 * @param numpy - `numpy` of `@jax-js/jax`; the arrays are made on its default device.
 * @returns Arrays that belong to the caller and are independent of `batch`: the loader may use its memory again. As
 *   everywhere in jax-js, an array is moved into the first function it is passed to; pass `array.ref` to keep it. With `using`,
 *   arrays that were not moved are disposed of at the end of the block; without it, `dispose()` one that is not used.
 * @throws {@link CollateError} when an integer does not fit into int32, or the platform has no float64 for jax-js.
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
  // Its types ask for memory that is not shared; it copies from either.
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

// jax-js 0.1.25 tests for a Float16Array before a Float64Array, and fails where the first does not exist.
function requireFloat64(path: string): void {
  if ('Float16Array' in globalThis) return;
  throw new CollateError('jax-js takes no float64 on this platform, which lacks Float16Array', {
    where: { path: path || '(batch)', dtype: 'float64' },
    next: "Give float32 (numberDtype: 'float32' in the loader), or run on Node 24 or later.",
  });
}
