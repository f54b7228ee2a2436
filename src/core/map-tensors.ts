// Makes the types compile in projects whose lib setting lacks Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import type { DType } from './dtype.js';
import { attachedOrigin, withOrigin } from './sample-origin.js';
import { isTensor, type Tensor } from './tensor.js';

/** What replaces a tensor, as a function of its dtype: `type` may refer to `this['dtype']`. */
export interface TensorMapping {
  readonly dtype: DType;
  readonly type: unknown;
}

/**
 * A batch with every tensor replaced by the result of the mapping; other leaves, such as strings, are unchanged. The
 * result is not disposable, even if the batch is lent.
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

/**
 * Walks a batch (tensors in arrays and plain objects) and converts its tensors. `path` is the location of a tensor:
 * `x.0`. The result has the origin of the batch, if it has one.
 */
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
  const mapped = walk(batch, '');
  const origin = attachedOrigin(batch);
  return (origin ? withOrigin(mapped as object, origin) : mapped) as MapTensors<Batch, T>;
}

/** Whether a value is an object literal, or one like it: not an instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
