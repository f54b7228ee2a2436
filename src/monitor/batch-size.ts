import type { DType } from '../core/dtype.js';
import { isTensor, type Tensor } from '../core/tensor.js';

/** How much a batch holds. */
export interface BatchSize {
  /** Bytes of its tensors and typed arrays. */
  readonly bytes: number;
  /** Tokens in it; 0 where it has none. */
  readonly tokens: number;
}

/** Counts the tokens of a batch. */
export type CountTokens = (batch: never) => number;

const tokenDTypes: ReadonlySet<DType> = new Set(['int16', 'int32', 'int64', 'uint16', 'uint32', 'uint64']);

/** Fields below fields that are still looked at. */
const maxDepth = 4;

/**
 * Measures a batch. Without a function of the user's, its tokens are the elements of the first tensor of whole numbers (16 bits or more)
 * with two or more dimensions, padding included, or of a field `tokens`.
 */
export function sizeOfBatch(batch: unknown, countTokens: CountTokens | undefined): BatchSize {
  let bytes = 0;
  let tokens: number | undefined;
  const visit = (value: unknown, name: string, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > maxDepth) return;
    if (ArrayBuffer.isView(value)) bytes += value.byteLength;
    else if (isTensor(value)) {
      bytes += value.data.byteLength;
      if (holdsTokens(value, name)) tokens ??= value.data.length;
    } else if (Array.isArray(value)) {
      // A list of samples or strings: what it has inside is no tensor of the batch.
      if (typeof value[0] === 'object')
        for (const [k, item] of value.entries()) visit(item, String(k), depth + 1);
    } else
      for (const key of Object.keys(value)) visit((value as Record<string, unknown>)[key], key, depth + 1);
  };
  visit(batch, '', 0);
  return { bytes, tokens: countTokens ? countTokens(batch as never) : (tokens ?? 0) };
}

function holdsTokens({ dtype, shape }: Tensor, name: string): boolean {
  return tokenDTypes.has(dtype) && (shape.length >= 2 || name === 'tokens');
}
