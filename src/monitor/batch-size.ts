import { type DType, dtypeOf, isTypedArray } from '../core/dtype.js';
import { isTensor, type Tensor } from '../core/tensor.js';

/** The size of a batch. */
export interface BatchSize {
  /** Bytes of its tensors and typed arrays. */
  readonly bytes: number;
  /** Number of tokens; 0 if there are none. */
  readonly tokens: number;
}

/** Counts the tokens of a batch. */
export type CountTokens = (batch: never) => number;

const tokenDTypes: ReadonlySet<DType> = new Set(['int16', 'int32', 'int64', 'uint16', 'uint32', 'uint64']);

/** Maximum nesting depth that is examined. */
const maxDepth = 4;

/**
 * Measures a batch. Without a user's function, tokens are the elements of the first integer tensor (16 bits or more)
 * with at least two dimensions, including padding, or of a field `tokens`.
 */
export function sizeOfBatch(batch: unknown, countTokens: CountTokens | undefined): BatchSize {
  const size = { bytes: 0, tokens: -1 };
  add(batch, '', 0, size);
  size.tokens = countTokens ? countTokens(batch as never) : Math.max(0, size.tokens);
  return size;
}

/**
 * Counts the tokens of a sample before it is collated: the elements of its first integer tensor or typed array (16 bits or more)
 * with a dimension; `undefined` if there is none.
 */
export function tokensOfSample(sample: unknown, depth = 0): number | undefined {
  if (typeof sample !== 'object' || sample === null || depth > maxDepth) return undefined;
  if (isTensor(sample)) {
    return tokenDTypes.has(sample.dtype) && sample.shape.length > 0 ? sample.data.length : undefined;
  }
  if (isTypedArray(sample)) {
    const dtype = dtypeOf(sample);
    return dtype && tokenDTypes.has(dtype) ? sample.length : undefined;
  }
  if (ArrayBuffer.isView(sample)) return undefined;
  // A long list of numbers holds no tensor.
  if (Array.isArray(sample) && typeof sample[0] !== 'object') return undefined;
  for (const part of Object.values(sample)) {
    const tokens = tokensOfSample(part, depth + 1);
    if (tokens !== undefined) return tokens;
  }
  return undefined;
}

function add(value: unknown, name: string, depth: number, size: { bytes: number; tokens: number }): void {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return;
  if (isTensor(value)) {
    size.bytes += value.data.byteLength;
    if (size.tokens < 0 && holdsTokens(value, name)) size.tokens = value.data.length;
  } else if (ArrayBuffer.isView(value)) size.bytes += value.byteLength;
  else if (Array.isArray(value)) {
    if (typeof value[0] === 'object') for (const item of value) add(item, '', depth + 1, size);
  } else for (const [key, item] of Object.entries(value)) add(item, key, depth + 1, size);
}

function holdsTokens({ dtype, shape }: Tensor, name: string): boolean {
  return tokenDTypes.has(dtype) && (shape.length >= 2 || name === 'tokens');
}
