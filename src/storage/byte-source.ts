import type { DType } from '../core/dtype.js';
import type { OptionalMethod } from '../core/optional-method.js';

/** Ranges of equal length: bytes `starts[k] … starts[k] + length - 1`. */
export interface ByteRanges {
  readonly starts: ArrayLike<number>;
  readonly length: number;
}

/** Element types that fit in a JavaScript number. */
export type NumberDType = Exclude<DType, 'int64' | 'uint64'>;

/** Bytes with random access: a file, memory, or an object behind a URL. Formats read through this interface only. */
export interface ByteSource {
  /** Number of bytes. */
  readonly byteLength: number;
  /** Name in messages: the path of a file, or a URL without secrets. */
  readonly name: string;
  /**
   * Bytes `start … end - 1`, in a buffer of their own that starts at offset 0, so that any typed array can view it.
   *
   * @throws {@link TruncatedFileError} if the source ends before `end`; {@link StorageError} if reading fails; {@link
   *   ObjectChangedError} if a remote object has changed since it was opened.
   */
  read(start: number, end: number): Promise<Uint8Array>;
  /**
   * All bytes from `start` on, in chunks of any size, which the caller owns. Ending the iteration early releases the resources.
   *
   * @throws as {@link read} does.
   */
  stream(start?: number): AsyncIterable<Uint8Array>;
  /**
   * A version that changes with the content and differs between objects; `null` if unknown. It contains no secrets, so that it
   * can be a cache key.
   */
  readonly contentVersion?: OptionalMethod<() => string | null>;
  /** Identifies the content, if a listing does: a hash of it, or its strong `ETag`. */
  readonly contentTag?: OptionalMethod<() => string | undefined>;
  /** Like {@link read}, without fetching a whole cache block. */
  readonly readPast?: OptionalMethod<(start: number, end: number) => Promise<Uint8Array>>;
  /** Like {@link read}, for a part that is read alone, such as a footer: a cache stores it by itself, without the block around it. */
  readonly readApart?: OptionalMethod<(start: number, end: number) => Promise<Uint8Array>>;
  /**
   * Bytes `start … end - 1` without a promise, if they are few and need no request; otherwise `undefined`. They may share memory with other
   * bytes: do not write to them.
   */
  readonly readNow?: OptionalMethod<(start: number, end: number) => Uint8Array | undefined>;
  /** Releases resources. Reads in progress still finish. */
  close(): void;
}

/** Reads a part that is read alone, such as a footer. */
export function readApart(source: ByteSource, start: number, end: number): Promise<Uint8Array> {
  return source.readApart ? source.readApart(start, end) : source.read(start, end);
}

/** Bytes on this machine, which can be read synchronously. */
export interface LocalSource extends ByteSource {
  /** Whether {@link readRangesSync} copies from mapped memory, without a system call per range. */
  readonly isMapped?: boolean | undefined;
  /** Like {@link read}, synchronously. */
  readSync(start: number, end: number): Uint8Array;
  /**
   * Copies many ranges into `target`: range k starts at byte `k * stride + starts[k] % 8`. (A copy into shared memory is
   * several times slower unless source and target agree modulo 8.) Adjacent ranges are read together.
   *
   * @param stride - Bytes between the slots of consecutive ranges, at least `length + 7`.
   * @throws as {@link read} does; {@link IndexRangeError} if the target is too small for the ranges.
   */
  readRangesSync(ranges: ByteRanges, target: Uint8Array, stride: number): void;
  /**
   * Replaces element positions, counted from the first byte, by the elements at them: a few nanoseconds each. Present if the
   * source is mapped into memory.
   *
   * @throws {@link TruncatedFileError} if the source ends before one of them.
   */
  readonly replaceByElements?: OptionalMethod<
    (places: Int32Array | Float64Array, dtype: NumberDType) => void
  >;
  /** Hint that these ranges will be read soon. Starts reading them from disk in the background. */
  readonly prefetch?: OptionalMethod<(ranges: ByteRanges) => void>;
}

/** Whether a source can be read synchronously. */
export function isLocal(source: ByteSource): source is LocalSource {
  return 'readSync' in source;
}
