/**
 * Batches as tensors of TensorFlow.js.
 *
 * @packageDocumentation
 */
import type { Tensor } from '../core/index.js';
import { type MapTensors, mapTensors } from '../core/map-tensors.js';
import { int32Elements } from './int32-elements.js';

/** What {@link toTf} needs of the module `@tensorflow/tfjs`, or of any backend package that exports the same. */
export interface TensorFlow<T = unknown> {
  tensor(
    elements: Float32Array | Int32Array | Uint8Array,
    shape: number[],
    dtype: 'float32' | 'int32' | 'bool',
  ): T;
}

type TensorOf<Tf> = Tf extends { tensor(...args: never[]): infer T } ? T : unknown;

/**
 * Turns the tensors of a batch into tensors of TensorFlow.js; names, arrays and strings stay as they are.
 *
 * float32, int32 and bool keep their dtype. TensorFlow.js has no others: float64 becomes float32, every other integer
 * int32.
 *
 * @param tf - The module; the tensors are made on its current backend.
 * @returns Tensors that belong to the caller and are independent of `batch`: the loader may use its memory again. Free
 *   them with `tf.dispose(tensors)`, or make them inside `tf.tidy`.
 * @throws {@link CollateError} when an integer does not fit into int32.
 * @example
 * for await (const batch of loader) {
 *   const { x, y } = toTf(tf, batch);
 *   await model.trainOnBatch(x, y);
 *   tf.dispose([x, y]);
 * }
 */
export function toTf<Tf extends TensorFlow, Batch>(tf: Tf, batch: Batch): MapTensors<Batch, TensorOf<Tf>> {
  return mapTensors(batch, (tensor, path) => {
    const shape = [...tensor.shape];
    switch (tensor.dtype) {
      case 'float32':
      case 'float64':
        return tf.tensor(
          Float32Array.from(tensor.data as ArrayLike<number>),
          shape,
          'float32',
        ) as TensorOf<Tf>;
      case 'bool':
        return tf.tensor(Uint8Array.from((tensor as Tensor<'bool'>).data), shape, 'bool') as TensorOf<Tf>;
      default:
        return tf.tensor(int32Elements(tensor, path, 'TensorFlow.js'), shape, 'int32') as TensorOf<Tf>;
    }
  });
}
