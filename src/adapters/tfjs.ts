/**
 * Converts batches to TensorFlow.js tensors.
 *
 * @packageDocumentation
 */
// Makes the types compile in projects whose lib setting lacks Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import * as v from 'valibot';
import type { Tensor } from '../core/index.js';
import type { MapTensors } from '../core/map-tensors.js';
import { booleanOption, parseOptions } from '../core/options.js';
import { disposableBatch } from './disposable-batch.js';
import { int32Elements } from './int32-elements.js';

/** The part of `@tensorflow/tfjs`, or of any backend package with the same exports, that {@link toTf} uses. */
export interface TensorFlow<T = unknown> {
  tensor(
    elements: Float32Array | Int32Array | Uint8Array,
    shape: number[],
    dtype: 'float32' | 'int32' | 'bool',
  ): T;
}

/** The part of the module that {@link tfDataset} uses. */
interface TensorFlowWithTidy<T = unknown> extends TensorFlow<T> {
  tidy(scope: () => never): unknown;
}

type TensorOf<Tf> = Tf extends { tensor(...args: never[]): infer T } ? T : unknown;

/** A batch as TensorFlow.js tensors. `using` frees them at the end of the block. */
export type TfBatch<Tf, Batch> = MapTensors<Batch, TensorOf<Tf>> & Disposable;

/** Options of {@link toTf}. */
interface ToTfOptions {
  /**
   * Whether tensors get their own memory. `false` passes the batch's float32, int32 and bool elements without a copy.
   * Use it only for batches that you own (a loader without `reuseBuffers`) and do not write to. The `cpu` backend
   * then computes on the batch's memory; other backends make one copy. @defaultValue `true`
   */
  readonly copy?: boolean;
}

const schema = v.strictObject({ copy: v.optional(booleanOption, true) });

/**
 * Converts the tensors of a batch to TensorFlow.js tensors; names, arrays and strings are unchanged.
 *
 * float32, int32 and bool keep their dtype. TensorFlow.js has no other dtypes: float64 becomes float32, every other integer
 * int32.
 *
 * @param tf - The module; tensors are created on its current backend.
 * @returns Tensors that the caller owns. Unless `copy` is `false` they are independent of `batch`, whose memory the loader may
 *   reuse. `using` frees the remaining ones at the end of its block; without it, call this function inside `tf.tidy`, or call
 *   `tf.dispose(tensors)`.
 * @throws {@link CollateError} if an integer does not fit into int32.
 * @example
 * for await (const batch of loader) {
 *   using tensors = toTf(tf, batch);
 *   await model.trainOnBatch(tensors.x, tensors.y);
 * }
 */
export function toTf<Tf extends TensorFlow, Batch>(
  tf: Tf,
  batch: Batch,
  options: ToTfOptions = {},
): TfBatch<Tf, Batch> {
  const { copy } = parseOptions('toTf options', schema, options);
  const convert = (tensor: Tensor, path: string) => {
    const [elements, dtype] = elementsOf(tensor, path, copy);
    return tf.tensor(elements, [...tensor.shape], dtype) as TensorOf<Tf>;
  };
  return disposableBatch(batch, convert, (tensor) => {
    const { isDisposed } = tensor as DisposableTensor;
    if (!isDisposed) (tensor as DisposableTensor).dispose();
  });
}

interface DisposableTensor {
  readonly isDisposed: boolean;
  dispose(): void;
}

/** The part of a `tf.data` dataset that `model.fitDataset` and `model.evaluateDataset` use. */
type TfDataset<Example> = {
  /** Batches per epoch; `NaN` if unknown. */
  readonly size: number;
  /** Starts a pass at the first call of `next`. */
  iterator(): Promise<{ next(): Promise<IteratorResult<Example>> }>;
};

/**
 * Wraps a loader as a `tf.data` dataset for `model.fitDataset` and `model.evaluateDataset`. Each epoch of the model is one
 * pass over the loader, which advances to its next epoch; with `batchesPerEpoch`, several epochs of the model share one pass.
 *
 * The consumer of an example frees its tensors, as those two methods do. Intermediate tensors are freed here.
 *
 * @param toExample - Selects inputs and targets from a batch, as tensors, arrays of them, or tensors by name. It runs inside
 *   `tf.tidy`, so it may compute: `({ x, y }) => ({ xs: x, ys: tf.oneHot(y, 10) })`.
 * @example
 * await model.fitDataset(tfDataset(tf, loader, ({ x, y }) => ({ xs: x, ys: y })), { epochs: 3 });
 */
export function tfDataset<Tf extends TensorFlowWithTidy, Batch, Example extends { xs: unknown; ys: unknown }>(
  tf: Tf,
  loader: AsyncIterable<Batch>,
  toExample: (batch: MapTensors<Batch, TensorOf<Tf>>) => Example,
): TfDataset<Example> {
  const convert = (batch: Batch): Example =>
    tf.tidy(() => toExample(toTf(tf, batch) as MapTensors<Batch, TensorOf<Tf>>) as never) as Example;
  return {
    get size() {
      return batchesOf(loader);
    },
    async iterator() {
      let batches: AsyncIterator<Batch> | undefined;
      return {
        async next(): Promise<IteratorResult<Example>> {
          batches ??= loader[Symbol.asyncIterator]();
          const { done, value } = await batches.next();
          return done ? { done: true, value: null } : { done: false, value: convert(value) };
        },
      };
    },
  };
}

function batchesOf(loader: object): number {
  try {
    return (loader as { readonly length?: number | null }).length ?? Number.NaN;
  } catch {
    // A stream: its batches can only be counted by reading it.
    return Number.NaN;
  }
}

type TfElements = [Float32Array | Int32Array | Uint8Array, 'float32' | 'int32' | 'bool'];

function elementsOf(tensor: Tensor, path: string, copy: boolean): TfElements {
  const { dtype, data } = tensor;
  switch (dtype) {
    case 'float32':
      return [own(data as Float32Array, copy), dtype];
    case 'float64':
      return [Float32Array.from(data as Float64Array), 'float32'];
    case 'bool':
      return [own(data as Uint8Array, copy), dtype];
    case 'int32':
      return [own(data as Int32Array, copy), dtype];
    default:
      return [int32Elements(tensor, path, 'TensorFlow.js'), 'int32'];
  }
}

function own<A extends Float32Array | Int32Array | Uint8Array>(elements: A, copy: boolean): A {
  return copy ? (elements.slice() as A) : elements;
}
