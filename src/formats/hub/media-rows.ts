import type { IndexArray } from '../../core/dataset.js';
import { fingerprint } from '../../core/fingerprint.js';
import { checkIndex } from '../../core/index-range.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import { ownValue, setOwn } from '../../core/record.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { RemoteFiles } from '../../storage/remote-files.js';
import { movableOptions, type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import type { RawRow } from './hub-records.js';
import { readZipMember, type ZipMember } from './zip-archive.js';

/** A file that is a value of a row: one of the data set, or one in an archive. */
export type MediaFile = string | { readonly archive: number; readonly member: ZipMember };

/** A row before its files are read: a {@link MediaFile} is under the key `file` of an object, so that other values cannot be one. */
export type MediaRow = Readonly<Record<string, unknown>>;

/** Marks a file in a {@link MediaRow}. */
export interface MediaValue {
  readonly file: MediaFile;
}

interface MediaRecipe {
  readonly rows: readonly MediaRow[];
  readonly media: readonly string[];
  readonly archives: readonly Recipe[];
  readonly root: string;
  readonly storage: StorageOptions;
}

/** Rows with files that are a value each: images, recordings. They are read when their row is. */
export class MediaRows implements Movable {
  readonly length: number;
  readonly #rows: readonly MediaRow[];
  /** Columns that hold a file or a list of files. */
  readonly #media: readonly string[];
  readonly #archives: readonly ByteSource[];
  readonly #storage: StorageOptions;
  /** What precedes the path of a file. */
  readonly #root: string;
  readonly #files: RemoteFiles;

  constructor(
    rows: readonly MediaRow[],
    {
      media,
      archives,
      root,
      storage,
    }: {
      readonly media: readonly string[];
      readonly archives: readonly ByteSource[];
      readonly root: string;
      readonly storage: StorageOptions;
    },
  ) {
    this.length = rows.length;
    this.#rows = rows;
    this.#media = media;
    this.#archives = archives;
    this.#root = root;
    this.#storage = storage;
    this.#files = new RemoteFiles(storage);
  }

  /** @throws {@link IndexRangeError}; {@link StorageError} if a file cannot be read */
  async get(index: number): Promise<RawRow> {
    checkIndex(index, this.length, 'HubDataset');
    const row: Record<string, unknown> = { ...this.#rows[index] };
    for (const name of this.#media) {
      const value = ownValue(row, name) as MediaValue | readonly MediaValue[] | null | undefined;
      if (value === null || value === undefined) continue;
      const read =
        'file' in value ? await this.#read(value) : await Promise.all(value.map((each) => this.#read(each)));
      setOwn(row, name, read);
    }
    return row;
  }

  async #read({ file }: MediaValue): Promise<{ readonly bytes: Uint8Array; readonly path: string }> {
    if (typeof file === 'string') return { bytes: await this.#files.read(this.#root + file), path: file };
    const archive = this.#archives[file.archive]!;
    const { maxDecompressedBytes } = storageOptions(this.#storage);
    return {
      bytes: await readZipMember(archive, file.member, maxDecompressedBytes),
      path: `${archive.name}/${file.member.path}`,
    };
  }

  /** Files are requested with their rows. */
  prefetch(_indices: IndexArray): undefined {
    return undefined;
  }

  /** Computed from paths and the other columns; files are not read. */
  fingerprint(): string {
    const text = JSON.stringify(this.#rows, (_, value: unknown) =>
      typeof value === 'bigint' ? { bigint: String(value) } : value,
    );
    return fingerprint({ kind: 'MediaRows', rows: text });
  }

  [toRecipe](): Recipe {
    const args: MediaRecipe = {
      rows: this.#rows,
      media: this.#media,
      archives: this.#archives.map((archive) => recipeOf(archive, 'source')),
      root: this.#root,
      storage: movableOptions(this.#storage),
    };
    return { builtIn: 'MediaRows', args };
  }

  static async fromRecipe(
    { rows, archives, ...rest }: MediaRecipe,
    make: MakeFromRecipe,
  ): Promise<MediaRows> {
    const made = await Promise.all(archives.map((archive) => make<ByteSource>(archive)));
    return new MediaRows(rows, { ...rest, archives: made });
  }

  close(): void {
    for (const archive of this.#archives) archive.close();
  }
}
