import type { DType } from '../core/dtype.js';
import type { OptionalMethod } from '../core/optional-method.js';

/** Ranges of one length: `starts[k] … starts[k] + length - 1`, in bytes. */
export interface ByteRanges {
  readonly starts: ArrayLike<number>;
  readonly length: number;
}

/** Elements that JavaScript's numbers hold. */
export type NumberDType = Exclude<DType, 'int64' | 'uint64'>;

/** Bytes that can be read at any place: a file, a piece of memory, an object behind a URL. Formats read through this alone. */
export interface ByteSource {
  /** Bytes it holds. */
  readonly byteLength: number;
  /** What messages call it: the path of a file, a URL without secrets. */
  readonly name: string;
  /**
   * Bytes `start … end - 1`, in memory of their own that starts at offset 0 of its buffer: any typed array can be laid
   * over it.
   *
   * @throws {@link TruncatedFileError} when the source ends before `end`; {@link StorageError} when reading fails;
   *   {@link ObjectChangedError} when a remote object is not the one that was opened.
   */
  read(start: number, end: number): Promise<Uint8Array>;
  /**
   * All bytes from `start` on, in pieces of any size, which are the reader's to keep. Breaking off frees what it holds.
   *
   * @throws as {@link read} does.
   */
  stream(start?: number): AsyncIterable<Uint8Array>;
  /**
   * What changes when the content does, and differs between objects; `null` where that cannot be told. Without it nothing is known. A
   * key of caches: nothing secret can be read from it.
   */
  readonly contentVersion?: OptionalMethod<() => string | null>;
  /** {@link read}, without a block that would be kept, where there is a cache. */
  readonly readPast?: OptionalMethod<(start: number, end: number) => Promise<Uint8Array>>;
  /** Frees what it holds. Reads that are under way still end. */
  close(): void;
}

/** Bytes on this machine, which can be read without waiting. */
export interface LocalSource extends ByteSource {
  /** Whether {@link readRangesSync} copies from memory that the system keeps, without a call for each range. */
  readonly isMapped?: boolean | undefined;
  /** {@link read}, in this thread. */
  readSync(start: number, end: number): Uint8Array;
  /**
   * Copies many ranges at once into `target`, range k to byte `k * stride + starts[k] % 8` on: a copy into shared memory is
   * several times slower unless source and target agree modulo 8. Ranges that touch are read together.
   *
   * @param stride - Bytes from one range's place to the next one's, at least `length + 7`.
   * @throws as {@link read} does, and {@link IndexRangeError} when the target has no room for the ranges.
   */
  readRangesSync(ranges: ByteRanges, target: Uint8Array, stride: number): void;
  /**
   * Replaces places of elements, counted from the first byte, by the elements: a few nanoseconds each. Present where they are in
   * memory that the system keeps.
   *
   * @throws {@link TruncatedFileError} when the source ends before one of them.
   */
  readonly replaceByElements?: OptionalMethod<
    (places: Int32Array | Float64Array, dtype: NumberDType) => void
  >;
  /** Says that these ranges will be asked for soon. Where they are on a disk, fetching them begins; nothing waits for it. */
  readonly prefetch?: OptionalMethod<(ranges: ByteRanges) => void>;
}

/** Whether a source can be read without waiting. */
export function isLocal(source: ByteSource): source is LocalSource {
  return 'readSync' in source;
}
