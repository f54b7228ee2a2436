/**
 * Batches as tensors of ONNX Runtime.
 *
 * @packageDocumentation
 */
import * as v from 'valibot';
import type { DType } from '../core/index.js';
import { type MapTensors, mapTensors } from '../core/map-tensors.js';
import { booleanOption, parseOptions } from '../core/options.js';

/** What {@link toOnnx} needs: the class `Tensor` of `onnxruntime-web`, `onnxruntime-node` or `onnxruntime-common`. */
export type OnnxTensorClass<T = unknown> = new (type: never, data: never, dims: readonly number[]) => T;

type TensorOf<Class> = Class extends new (...args: never[]) => infer T ? T : never;

/** Options of {@link toOnnx}. */
export interface ToOnnxOptions {
  /**
   * Whether tensors get memory of their own. `false` makes them over the batch's memory: with `reuseBuffers` they are then good
   * until the next batch is asked for, which is after `await session.run(…)`. The runtime copies once, into memory of its own.
   * @defaultValue `true`
   */
  readonly copy?: boolean;
}

const schema = v.strictObject({ copy: v.optional(booleanOption, true) });

/**
 * Turns the tensors of a batch into tensors of ONNX Runtime; names, arrays and strings stay as they are. Every dtype is kept.
 *
 * @param TensorClass - `Tensor` of the runtime's package.
 * @returns Tensors in the memory of the process, which the garbage collector frees.
 * @example
 * for await (const batch of loader) {
 *   const { scores } = await session.run(toOnnx(ort.Tensor, { image: batch.x }, { copy: false }));
 * }
 */
export function toOnnx<Class extends OnnxTensorClass, Batch>(
  TensorClass: Class,
  batch: Batch,
  options: ToOnnxOptions = {},
): MapTensors<Batch, TensorOf<Class>> {
  const { copy } = parseOptions('toOnnx options', schema, options);
  // The classes of the packages have an overload for each type.
  const Tensor = TensorClass as unknown as new (
    type: DType,
    data: unknown,
    dims: readonly number[],
  ) => TensorOf<Class>;
  return mapTensors(batch, ({ dtype, shape, data }) => new Tensor(dtype, copy ? data.slice() : data, shape));
}
