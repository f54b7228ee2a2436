import { type DType, viewOf } from '../core/dtype.js';
import { elementCount, isTensor, type Tensor } from '../core/tensor.js';

/** A tensor of a batch that lies in shared memory: where it stands in the batch, and where its elements are. */
export interface LentTensor {
  /** Keys and positions from the batch down to it; none when the batch is the tensor. */
  readonly path: readonly (string | number)[];
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly byteOffset: number;
}

/** A batch taken apart: plain data that is cheap to send, without the views of shared memory, each of which costs as much. */
export interface TakenApart {
  readonly value: unknown;
  readonly tensors: readonly LentTensor[];
}

/**
 * Takes the tensors that lie in `buffer` out of a batch of plain objects and arrays. What is not plain, or elsewhere, stays.
 */
export function takeApart(value: unknown, buffer: ArrayBufferLike): TakenApart {
  const tensors: LentTensor[] = [];
  const walk = (node: unknown, path: readonly (string | number)[]): unknown => {
    if (isTensor(node)) {
      if (node.data.buffer !== buffer) return node;
      const { dtype, shape, data } = node;
      tensors.push({ path, dtype, shape, byteOffset: data.byteOffset });
      return null;
    }
    if (Array.isArray(node)) return node.map((entry, k) => walk(entry, [...path, k]));
    if (typeof node !== 'object' || node === null || Object.getPrototypeOf(node) !== Object.prototype)
      return node;
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(node))
      out[key] = walk((node as Record<string, unknown>)[key], [...path, key]);
    return out;
  };
  return { value: walk(value, []), tensors };
}

/** The batch again, over the same memory. */
export function putTogether({ value, tensors }: TakenApart, buffer: ArrayBufferLike): unknown {
  let whole = value;
  for (const { path, dtype, shape, byteOffset } of tensors) {
    const tensor: Tensor = { dtype, shape, data: viewOf(dtype, buffer, byteOffset, elementCount(shape)) };
    const key = path.at(-1);
    if (key === undefined) whole = tensor;
    else path.slice(0, -1).reduce<Node>((node, step) => node[step] as Node, value as Node)[key] = tensor;
  }
  return whole;
}

/** An object or an array of the batch. */
type Node = Record<string | number, unknown>;
