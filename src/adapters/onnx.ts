/**
 * Converts batches to ONNX Runtime tensors.
 *
 * @packageDocumentation
 */
import * as v from 'valibot';
import type { DType } from '../core/index.js';
import { type MapTensors, mapTensors } from '../core/map-tensors.js';
import { booleanOption, parseOptions } from '../core/options.js';

/**
 * The class that {@link toOnnx} constructs: `Tensor` of `onnxruntime-web`, `onnxruntime-node` or
 * `onnxruntime-common`.
 */
export type OnnxTensorClass<T = unknown> = new (type: never, data: never, dims: readonly number[]) => T;

type TensorOf<Class> = Class extends new (...args: never[]) => infer T ? T : never;

/** Options of {@link toOnnx}. */
interface ToOnnxOptions {
  /**
   * Whether tensors get their own memory. With `false` they are views of the batch's memory; with `reuseBuffers` they
   * are then valid until the next batch is requested, so await `session.run(…)` first. The runtime makes one copy of
   * its own.
   * @defaultValue `true`
   */
  readonly copy?: boolean;
}

const schema = v.strictObject({ copy: v.optional(booleanOption, true) });

/**
 * Converts the tensors of a batch to ONNX Runtime tensors of the same dtypes; names, arrays and strings are unchanged.
 *
 * @param TensorClass - `Tensor` of the runtime's package.
 * @returns Tensors in process memory, freed by the garbage collector.
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
  // The packages' class has one constructor overload per dtype.
  const Tensor = TensorClass as unknown as new (
    type: DType,
    data: unknown,
    dims: readonly number[],
  ) => TensorOf<Class>;
  return mapTensors(batch, ({ dtype, shape, data }) => new Tensor(dtype, copy ? data.slice() : data, shape));
}
