// Makes the types compile in projects whose lib setting lacks Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import { lastOf } from '../core/last-of.js';
import { type MapTensors, mapTensors } from '../core/map-tensors.js';
import type { Tensor } from '../core/tensor.js';

/**
 * Converts the tensors of a batch into tensors of a framework. `using` disposes of them at the end of the block. If
 * one conversion fails, the tensors converted so far are disposed of at once.
 */
export function disposableBatch<Batch, T>(
  batch: Batch,
  convert: (tensor: Tensor, path: string) => T,
  dispose: (converted: T) => void,
): MapTensors<Batch, T> & Disposable {
  const made: T[] = [];
  const disposeAll = (): void => {
    for (const converted of made.splice(0)) dispose(converted);
  };
  try {
    const converted = mapTensors(batch, (tensor, path) => {
      made.push(convert(tensor, path));
      return lastOf(made);
    });
    if (Symbol.dispose && typeof converted === 'object' && converted !== null)
      Object.defineProperty(converted, Symbol.dispose, { value: disposeAll, configurable: true });
    return converted as MapTensors<Batch, T> & Disposable;
  } catch (error) {
    disposeAll();
    throw error;
  }
}
