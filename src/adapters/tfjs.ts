/**
 * Batches as tensors of TensorFlow.js.
 *
 * @packageDocumentation
 */
// So that the types stand in projects whose own library has no disposables yet.
/// <reference lib="esnext.disposable" preserve="true" />
import * as v from 'valibot';
import type { Tensor } from '../core/index.js';
import type { MapTensors } from '../core/map-tensors.js';
import { booleanOption, parseOptions } from '../core/options.js';
import { disposableBatch } from './disposable-batch.js';
import { int32Elements } from './int32-elements.js';

/** What {@link toTf} needs of the module `@tensorflow/tfjs`, or of any backend package that exports the same. */
export interface TensorFlow<T = unknown> {
  tensor(
    elements: Float32Array | Int32Array | Uint8Array,
    shape: number[],
    dtype: 'float32' | 'int32' | 'bool',
  ): T;
}

/** What {@link tfDataset} needs of the module. */
export interface TensorFlowWithTidy<T = unknown> extends TensorFlow<T> {
  tidy(scope: () => never): unknown;
}

type TensorOf<Tf> = Tf extends { tensor(...args: never[]): infer T } ? T : unknown;

/** A batch as tensors of TensorFlow.js. `using` frees them at the end of the block. */
export type TfBatch<Tf, Batch> = MapTensors<Batch, TensorOf<Tf>> & Disposable;

/** Options of {@link toTf}. */
export interface ToTfOptions {
  /**
   * Whether tensors get memory of their own. `false` hands the batch's float32, int32 and bool elements over without a copy: only
   * for batches that are yours (a loader without `reuseBuffers`) and that you do not write to. The backend `cpu` then computes on
   * them where they are; others copy them once, into memory of their own. @defaultValue `true`
   */
  readonly copy?: boolean;
}

const schema = v.strictObject({ copy: v.optional(booleanOption, true) });

/**
 * Turns the tensors of a batch into tensors of TensorFlow.js; names, arrays and strings stay as they are.
 *
 * float32, int32 and bool keep their dtype. TensorFlow.js has no others: float64 becomes float32, every other integer
 * int32.
 *
 * @param tf - The module; the tensors are made on its current backend.
 * @returns Tensors that belong to the caller and, unless `copy` is `false`, are independent of `batch`: the loader may use its
 *   memory again. `using` frees those that are left at the end of its block; elsewhere make them inside `tf.tidy`, or call
 *   `tf.dispose(tensors)`.
 * @throws {@link CollateError} when an integer does not fit into int32.
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

/** What `model.fitDataset` and `model.evaluateDataset` take: the part of a dataset of `tf.data` that they use. */
export interface TfDataset<Example> {
  /** Batches an epoch; `NaN` where that is not known. */
  readonly size: number;
  /** Begins a pass with the first call of `next`. */
  iterator(): Promise<{ next(): Promise<IteratorResult<Example>> }>;
}

/**
 * A loader as a dataset of `tf.data`, as far as `model.fitDataset` and `model.evaluateDataset` go. Each epoch is a pass of the
 * loader, which goes on to its next epoch by itself; with `batchesPerEpoch` the epochs of the model cut one pass.
 *
 * Whoever takes an example frees its tensors, as those two methods do. What else is made on the way to an example is freed here.
 *
 * @param toExample - Picks inputs and targets out of a batch, as tensors, arrays of them, or tensors by name. It runs inside of
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
    // A stream, whose batches are counted by reading it.
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
