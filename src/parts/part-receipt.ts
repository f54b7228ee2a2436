/** A file that a part, or the whole work, has written. */
export interface WrittenFile {
  /** Name without folders. */
  readonly name: string;
  readonly byteLength: number;
  /** In hex. */
  readonly sha256: string;
}

/** Marks a part as complete. It is written after the files of the part, so a part with a receipt is whole. */
export interface PartReceipt {
  readonly number: number;
  readonly samples: number;
  readonly tokens?: number;
  /** Samples that failed and were allowed to. */
  readonly failures?: number;
  readonly files: readonly WrittenFile[];
}

/** The name of a part: its number, padded to six digits. */
export function partName(number: number): string {
  return String(number).padStart(6, '0');
}
