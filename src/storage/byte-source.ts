/** Bytes that can be read at any place: a file, a piece of memory. Formats read through this alone. */
export interface ByteSource {
  /** Bytes it holds. */
  readonly byteLength: number;
  /** What messages call it: the path of a file. */
  readonly name: string;
  /**
   * Bytes `start … end - 1`, in memory of their own that starts at offset 0 of its buffer: any typed array can be laid
   * over it.
   *
   * @throws {@link TruncatedFileError} when the source ends before `end`; {@link StorageError} when reading fails.
   */
  read(start: number, end: number): Promise<Uint8Array>;
  /** {@link read}, in this thread. */
  readSync(start: number, end: number): Uint8Array;
  /** Frees what it holds. Reads that are under way still end. */
  close(): void;
}
