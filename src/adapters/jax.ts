/**
 * Batches as arrays of jax-js.
 *
 * @packageDocumentation
 */
import { CollateError, type Tensor, type TypedArrayOf } from '../core/index.js';
import { type MapTensors, mapTensors } from '../core/map-tensors.js';
import { int32Elements } from './int32-elements.js';

/** What {@link toJax} needs of the `numpy` module of `@jax-js/jax`. */
export interface JaxNumpy<A extends JaxArrayLike = JaxArrayLike> {
  array(elements: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): A;
  array(elements: Float64Array<ArrayBuffer>): A;
  array(elements: boolean[]): A;
}

/** What {@link toJax} needs of an array of jax-js. */
export interface JaxArrayLike {
  reshape(shape: number[]): JaxArrayLike;
}

type ArrayOf<Numpy> = Numpy extends { zeros(shape: number[]): infer A } ? A : JaxArrayLike;

/**
 * Turns the tensors of a batch into arrays of jax-js; names, arrays and strings stay as they are.
 *
 * float32, float64, int32, uint32 and bool keep their dtype. jax-js has no other integers: int8, int16, uint8, uint16,
 * int64 and uint64 become int32. float64 needs a platform with `Float16Array` (Node 24), which jax-js looks for first.
 *
 * @param numpy - `numpy` of `@jax-js/jax`; the arrays are made on its default device.
 * @returns Arrays that belong to the caller and are independent of `batch`: the loader may use its memory again. As
 *   everywhere in jax-js, an array is moved into the first function it is passed to; pass `array.ref` to keep it, and
 *   `dispose()` one that is not used.
 * @throws {@link CollateError} when an integer does not fit into int32, or the platform has no float64 for jax-js.
 * @example
 * for await (const batch of loader) {
 *   const { tokens, lengths } = toJax(numpy, batch);
 *   loss = step(parameters, tokens, lengths);
 * }
 */
export function toJax<Numpy extends JaxNumpy, Batch>(
  numpy: Numpy,
  batch: Batch,
): MapTensors<Batch, ArrayOf<Numpy>> {
  return mapTensors(batch, (tensor, path) => {
    const array = toFlatArray(numpy, tensor, path);
    return array.reshape([...tensor.shape]) as ArrayOf<Numpy>;
  });
}

function toFlatArray(numpy: JaxNumpy, tensor: Tensor, path: string): JaxArrayLike {
  switch (tensor.dtype) {
    case 'float32':
      return numpy.array(Float32Array.from((tensor as Tensor<'float32'>).data));
    case 'float64':
      requireFloat64(path);
      return numpy.array(Float64Array.from((tensor as Tensor<'float64'>).data));
    case 'uint32':
      return numpy.array(Uint32Array.from((tensor as Tensor<'uint32'>).data));
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
