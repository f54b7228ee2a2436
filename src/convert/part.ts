/** A file that a conversion wrote. */
export interface ConvertedFile {
  /** Its name, without folders. */
  readonly name: string;
  readonly byteLength: number;
  /** In hex. */
  readonly sha256: string;
}

/** A file to be put into a tar shard: one that lies somewhere, or a text. */
export interface TarEntry {
  readonly name: string;
  readonly content: { readonly file: string } | { readonly text: string };
}

/** Samples `start … end - 1` of the input, which become files of their own. Which samples a part has does not depend on who makes it. */
export interface Part {
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** What the samples consist of, where they are files of a folder. */
  readonly entries?: readonly TarEntry[];
}

/** Says that a part is whole: written behind its files, so that what has a receipt was not cut off. */
export interface PartReceipt {
  readonly number: number;
  readonly samples: number;
  readonly tokens?: number;
  readonly files: readonly ConvertedFile[];
}

/** Told of what was done since it was told last. */
export type OnDone = (done: { readonly samples: number; readonly tokens?: number }) => void;

/** Makes parts, on any thread. */
export interface PartWriter {
  /**
   * Writes the files of a part into a folder, each under its own name when it is whole.
   *
   * @returns what was written; the receipt itself is for the caller to write
   */
  write(part: Part, folder: string, onDone: OnDone): Promise<PartReceipt>;
  close(): void | Promise<void>;
}

/** The name of a part: its number in six digits, or more. */
export function partName(number: number): string {
  return String(number).padStart(6, '0');
}
