import type { Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import type { ErrorLocation } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { JsonObject } from '../core/json.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import type { ByteSource } from '../storage/byte-source.js';

/** The open files of a dataset. */
export interface OpenFiles {
  /** What identifies the content of the files, for the fingerprint. */
  identity(): JsonObject;
  /** What a worker needs to open the same files: plain data that structured cloning can carry. */
  recipe(): unknown;
  close(): void;
}

/** Where a worker imports a format from that Millrace does not ship. */
export interface FormatModule {
  /** URL of the module: `import.meta.url`. */
  readonly module: string;
  /** Name under which the module exports the format. */
  readonly export: string;
}

/**
 * What all datasets of files share, whether they are read by index or iterated: fingerprint, recipe for workers, closing.
 *
 * @typeParam Rows - The open files.
 * @typeParam Settings - What decoding needs besides the files: plain data that structured cloning can carry.
 */
export abstract class FileBacked<Rows extends OpenFiles, Settings = unknown> implements Movable {
  /** Name of the class in messages, fingerprints and recipes. Not taken from the class itself, which a bundler may rename. */
  protected readonly kind: string;
  protected readonly rows: Rows;
  protected readonly settings: Settings;
  readonly #module: FormatModule | undefined;

  /** @param module - For a format that Millrace does not ship. */
  protected constructor(kind: string, rows: Rows, settings: Settings, module?: FormatModule) {
    this.kind = kind;
    this.rows = rows;
    this.settings = settings;
    this.#module = module;
  }

  /** What identifies the samples besides the kind of the dataset and its files. */
  protected identity(): JsonObject {
    return {};
  }

  /** Computed from metadata and parts of the files. */
  fingerprint(): string {
    return fingerprint({ kind: this.kind, ...this.identity(), ...this.rows.identity() });
  }

  [toRecipe](): Recipe {
    const args: FileRecipe<unknown, Settings> = { rows: this.rows.recipe(), settings: this.settings };
    return this.#module ? { ...this.#module, args } : { builtIn: this.kind, args };
  }

  close(): void {
    this.rows.close();
  }
}

/** The samples of one or more files: where each is stored, and what identifies the files. */
export interface FileRows extends OpenFiles {
  /** Samples of all files. */
  readonly length: number;
  /** Samples of each part that is read as a whole; `undefined` if there are no such parts. */
  readonly shardLengths?: readonly number[] | undefined;
  /** Whether a sample costs the decoding of its shard. @defaultValue `false` */
  readonly decodesShards?: boolean;
  /** Requests the bytes of samples; see `Dataset.prefetch`. */
  prefetch(indices: IndexArray): number | undefined;
  /** Where a sample is stored: file and row. */
  place?(index: number): ErrorLocation;
}

/**
 * A dataset of files that is read by index. A format finds the samples of its files and decodes one; length, prefetch, fingerprint,
 * recipe for workers and closing are the same for all formats and are here or in {@link FileBacked}.
 *
 * @typeParam T - A sample.
 * @typeParam Rows - How the format finds samples.
 */
export abstract class FileDataset<T, Rows extends FileRows = FileRows, Settings = unknown>
  extends FileBacked<Rows, Settings>
  implements Dataset<T>
{
  /** Sample `index`. @throws {@link IndexRangeError}; {@link FormatError} if the bytes of the sample are damaged. */
  abstract get(index: number, context?: SampleContext): T | Promise<T>;

  get length(): number {
    return this.rows.length;
  }

  /** Samples of each part that is read as a whole: a file, a row group, a record batch. */
  get shardLengths(): Rows['shardLengths'] {
    return this.rows.shardLengths;
  }

  /** Whether a sample costs the decoding of its shard. */
  get decodesShards(): boolean {
    return this.rows.decodesShards ?? false;
  }

  /** Requests remote bytes of these samples, to be kept in the cache. Returns how many bytes are newly requested. */
  prefetch(indices: IndexArray): number | undefined {
    return this.rows.prefetch(indices);
  }

  /** @internal Where a sample is stored, for errors. */
  placeOf(index: number): ErrorLocation {
    return this.rows.place?.(index) ?? {};
  }
}

/** A dataset that may know where a sample is stored. */
export interface Located {
  placeOf?(index: number): ErrorLocation;
}

/** The arguments of the recipe of a {@link FileBacked} dataset. */
export interface FileRecipe<Rows, Settings = unknown> {
  readonly rows: Rows;
  readonly settings: Settings;
}

/** Runs `open`. If it fails, closes the sources. */
export async function closingOnError<T>(sources: readonly ByteSource[], open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
}
