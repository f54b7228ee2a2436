import type { DType, TypedArray } from '../core/dtype.js';
import type { MaybePromise } from '../core/maybe-promise.js';

/** A stream of token ids that can be read at any place, but not without waiting: `RemoteIndexedDataset` is one. */
export interface RemoteTokenSource {
  readonly dtype: DType;
  readonly tokenCount: number;
  /** Tokens `start … start + count - 1` in the stored dtype. */
  fetchTokens(start: number, count: number): MaybePromise<TypedArray>;
  /** Says that these stretches will be asked for soon. @returns bytes that are newly asked for, as `Dataset.prefetch` says */
  prefetchTokens?(starts: ArrayLike<number>, count: number): unknown;
  fingerprint?(): string;
  close?(): void | Promise<void>;
}

/** A stream of token ids that can be read at any place: `IndexedDataset` is one. */
export interface TokenSource {
  readonly dtype: DType;
  readonly tokenCount: number;
  /** Tokens `start … start + count - 1` in the stored dtype. */
  readTokens(start: number, count: number): TypedArray;
  /**
   * Copies the bytes of many stretches of `count` tokens, which begin at tokens `starts`, into `target`: stretch k to byte
   * `k * stride + b % 8` on, where b is the byte at which it begins in the stream.
   */
  readTokenRanges?(starts: ArrayLike<number>, count: number, target: Uint8Array, stride: number): void;
  /** Says that these stretches will be asked for soon. */
  prefetchTokens?(starts: ArrayLike<number>, count: number): void;
  fingerprint?(): string;
  close?(): void | Promise<void>;
}
