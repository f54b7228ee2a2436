// So that the types stand in projects whose own library has no disposables yet.
/// <reference lib="esnext.disposable" preserve="true" />
import type { DType } from './dtype.js';
import { isTensor, type Tensor } from './tensor.js';

/** What becomes of a tensor, as a function of its dtype: `type` may speak of `this['dtype']`. */
export interface TensorMapping {
  readonly dtype: DType;
  readonly type: unknown;
}

/**
 * A batch with every tensor replaced by what the mapping makes of it; other leaves (strings, for one) stay as they are. That
 * a batch is lent is not handed on.
 */
export type MapTensorsBy<Batch, Mapping extends TensorMapping> =
  Batch extends Tensor<infer D>
    ? (Mapping & { readonly dtype: D })['type']
    : Batch extends readonly unknown[]
      ? { [Key in keyof Batch]: MapTensorsBy<Batch[Key], Mapping> }
      : Batch extends Readonly<Record<string, unknown>> | Disposable
        ? { [Key in keyof Batch as Exclude<Key, symbol>]: MapTensorsBy<Batch[Key], Mapping> }
        : Batch;

interface ToAlways<T> extends TensorMapping {
  readonly type: T;
}

/** A batch with every tensor replaced by `T`, whatever its dtype. */
export type MapTensors<Batch, T> = MapTensorsBy<Batch, ToAlways<T>>;

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
