import { type DType, type TypedArray, viewOf } from '../../../core/dtype.js';
import { isRecord, ownValue, setOwn } from '../../../core/record.js';
import { elementCount, isTensor, type Tensor } from '../../../core/tensor.js';

/** A tensor that was taken out of a batch: its path in the batch, and the location of its elements. */
export interface DetachedTensor {
  /** Keys and indices from the batch to the tensor; empty if the batch is the tensor. */
  readonly path: readonly (string | number)[];
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly byteOffset: number;
}

/**
 * A batch and its detached tensors: plain data that is cheap to send, without views of memory, which are expensive to
 * send.
 */
export interface TakenApart {
  readonly value: unknown;
  readonly tensors: readonly DetachedTensor[];
}

/** Detaches the tensors in `buffer` from a batch of plain objects and arrays. Other values stay in the batch. */
export function takeApart(value: unknown, buffer: ArrayBufferLike): TakenApart {
  const tensors: DetachedTensor[] = [];
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
    for (const [key, entry] of Object.entries(node)) setOwn(out, key, walk(entry, [...path, key]));
    return out;
  };
  return { value: walk(value, []), tensors };
}

/**
 * Reassembles the batch.
 *
 * @param elements - Returns the elements of a tensor: a view, or a copy.
 */
export function putTogether({ value, tensors }: TakenApart, elements: ElementsOf): unknown {
  let whole = value;
  for (const detached of tensors) {
    const { path, dtype, shape } = detached;
    const tensor: Tensor = { dtype, shape, data: elements(detached) };
    const key = path.at(-1);
    if (key === undefined) whole = tensor;
    else replace(path.slice(0, -1).reduce(entryOf, value), key, tensor);
  }
  return whole;
}

function entryOf(node: unknown, step: string | number): unknown {
  if (typeof step === 'number') return Array.isArray(node) ? node[step] : undefined;
  return isRecord(node) ? ownValue(node, step) : undefined;
}

function replace(node: unknown, step: string | number, tensor: Tensor): void {
  if (typeof step === 'string') {
    if (isRecord(node)) setOwn(node, step, tensor);
  } else if (Array.isArray(node)) node[step] = tensor;
}

/** Returns the elements of a detached tensor. */
export type ElementsOf = (tensor: DetachedTensor) => TypedArray;

/** Views of elements in shared memory. */
export function viewedIn(buffer: ArrayBufferLike): ElementsOf {
  return ({ dtype, shape, byteOffset }) => viewOf(dtype, buffer, byteOffset, elementCount(shape));
}

/** Copies of the elements. */
export function copiedFrom(buffer: ArrayBufferLike): ElementsOf {
  const view = viewedIn(buffer);
  return (tensor) => view(tensor).slice();
}

/** The distinct buffers of the tensors of a batch of plain objects and arrays. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const walk = (node: unknown): void => {
    if (isTensor(node)) {
      if (node.data.buffer instanceof ArrayBuffer) buffers.add(node.data.buffer);
    } else if (typeof node === 'object' && node !== null && !ArrayBuffer.isView(node))
      for (const entry of Object.values(node)) walk(entry);
  };
  walk(value);
  return [...buffers];
}
