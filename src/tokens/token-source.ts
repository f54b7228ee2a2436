import type { DType, TypedArray } from '../core/dtype.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Tensor } from '../core/tensor.js';

/** A stream of token ids with asynchronous random access, such as `RemoteIndexedDataset`. */
export interface RemoteTokenSource {
  readonly dtype: DType;
  readonly tokenCount: number;
  /** Tokens of each document, if the source stores them. */
  readonly sizes?: ArrayLike<number>;
  /** Tokens `start … start + count - 1` in the stored dtype. */
  fetchTokens(start: number, count: number): MaybePromise<TypedArray>;
  /** Starts to fetch ranges that will be read soon. @returns the bytes newly requested, as `Dataset.prefetch` */
  prefetchTokens?(starts: ArrayLike<number>, count: number): unknown;
  fingerprint?(): string;
  close?(): void | Promise<void>;
}

/** A stream of token ids with random access, such as `IndexedDataset`. */
export interface TokenSource {
  readonly dtype: DType;
  readonly tokenCount: number;
  /** Tokens of each document, if the source stores them. */
  readonly sizes?: ArrayLike<number>;
  /** Tokens `start … start + count - 1` in the stored dtype. */
  readTokens(start: number, count: number): TypedArray;
  /**
   * Copies the bytes of many ranges of `count` tokens, which begin at tokens `starts`, into `target`: range k to offset `k
   * * stride + b % 8`, where b is its byte offset in the stream.
   */
  readTokenRanges?(starts: ArrayLike<number>, count: number, target: Uint8Array, stride: number): void;
  /** Starts to read ranges that will be requested soon. */
  prefetchTokens?(starts: ArrayLike<number>, count: number): void;
  fingerprint?(): string;
  close?(): void | Promise<void>;
}

/** A stream of tokens, wherever they are. */
export type AnyTokenSource = Tensor | TokenSource | RemoteTokenSource;
