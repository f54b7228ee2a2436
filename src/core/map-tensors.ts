import { isTensor, type Tensor } from './tensor.js';

/** A batch with every tensor replaced by `T`; other leaves (strings, for one) stay as they are. */
export type MapTensors<Batch, T> = Batch extends Tensor
  ? T
  : Batch extends readonly unknown[] | Readonly<Record<string, unknown>>
    ? { [Key in keyof Batch]: MapTensors<Batch[Key], T> }
    : Batch;

/** Walks a batch (tensors in arrays and plain objects) and converts its tensors. `path` is where a tensor is: `x.0`. */
export function mapTensors<Batch, T>(
  batch: Batch,
  convert: (tensor: Tensor, path: string) => T,
): MapTensors<Batch, T> {
  const walk = (node: unknown, path: string): unknown => {
    if (isTensor(node)) return convert(node, path);
    const below = (key: string | number): string => (path ? `${path}.${key}` : String(key));
    if (Array.isArray(node)) return node.map((child, index) => walk(child, below(index)));
    if (!isPlainObject(node)) return node;
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, walk(child, below(key))]));
  };
  return walk(batch, '') as MapTensors<Batch, T>;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
