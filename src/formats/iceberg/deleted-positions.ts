import { FormatError } from '../../core/errors.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFile } from '../data-files.js';
import { readVector, rowsOfVector } from '../deletes/deleted-rows.js';
import { ParquetFile } from '../parquet/parquet-file.js';
import type { ManifestFile } from './manifests.js';
import type { TablePaths } from './table-paths.js';

/** Rows of one data file that a file lists as deleted. */
interface Positions {
  readonly sequence: bigint;
  readonly rows: readonly number[];
}

/** The columns of a file of deleted positions have reserved ids. */
const tableSchema = {
  fields: [
    { name: 'file_path', type: 'string', stored: 2_147_483_546, physical: ['BYTE_ARRAY'] },
    { name: 'pos', type: 'long', stored: 2_147_483_545, physical: ['INT64'] },
  ],
};

/** The rows that the files of a snapshot list as deleted, by data file. */
export class DeletedPositions {
  readonly #paths: TablePaths;
  readonly #options: StorageOptions;
  readonly #positions = new Map<string, Positions[]>();
  readonly #vectors = new Map<string, ManifestFile>();

  private constructor(paths: TablePaths, options: StorageOptions) {
    this.#paths = paths;
    this.#options = options;
  }

  /**
   * Reads the lists of deleted rows. Deletion vectors are read with their data file.
   *
   * @throws {@link FormatError} if one is damaged; {@link StorageError}
   */
  static async read(
    files: readonly ManifestFile[],
    paths: TablePaths,
    options: StorageOptions,
  ): Promise<DeletedPositions> {
    const made = new DeletedPositions(paths, options);
    await Promise.all(files.map((file) => made.#add(file)));
    return made;
  }

  /** Finds the deleted rows of a data file, ascending; `undefined` if nothing lists any. */
  of(file: ManifestFile): ((rowCount: number) => Promise<ArrayLike<number>>) | undefined {
    const vector = this.#vectors.get(file.path);
    // A vector has all deleted rows, also those that older files list.
    if (vector && vector.sequence >= file.sequence) return (rowCount) => this.#readVector(vector, rowCount);
    const lists = this.#positions.get(file.path)?.filter(({ sequence }) => sequence >= file.sequence) ?? [];
    if (lists.length === 0) return undefined;
    return async (rowCount) => {
      const rows = Float64Array.from(new Set(lists.flatMap((list) => list.rows))).sort();
      if (rows.at(-1)! < rowCount && rows[0]! >= 0) return rows;
      throw new FormatError(`The Iceberg table deletes row ${rows.at(-1)} of a file with ${rowCount} rows`, {
        where: { file: this.#paths.resolve(file.path) },
        next: 'Copy the table again, with all of its files.',
      });
    };
  }

  async #add(file: ManifestFile): Promise<void> {
    if (file.format === 'puffin') {
      if (file.referencedFile !== undefined) this.#vectors.set(file.referencedFile, file);
      return;
    }
    const source = await openDataFile(this.#paths.resolve(file.path), this.#options);
    try {
      const names = ['file_path', 'pos'];
      const settings = { columns: names, maxDecompressedBytes: 2 ** 30, tableSchema };
      const parquet = await ParquetFile.open(source, settings);
      const byFile = new Map<string, number[]>();
      for (let block = 0; block + 1 < parquet.bounds.length; block++) {
        const { columns } = await parquet.readBlock(block, names);
        const count = parquet.bounds[block + 1]! - parquet.bounds[block]!;
        for (let row = 0; row < count; row++) {
          const path = columns[0]!(row) as string;
          const rows = byFile.get(path) ?? [];
          byFile.set(path, rows);
          rows.push(Number(columns[1]!(row)));
        }
      }
      for (const [path, rows] of byFile)
        this.#positions.set(path, [...(this.#positions.get(path) ?? []), { sequence: file.sequence, rows }]);
    } finally {
      source.close();
    }
  }

  async #readVector(vector: ManifestFile, rowCount: number): Promise<Float64Array> {
    const file = this.#paths.resolve(vector.path);
    // The table counts size and checksum, of 4 bytes each, as parts of the vector.
    const size = (vector.contentBytes ?? 0) - 8;
    const start = vector.contentStart;
    if (start === undefined || size < 0)
      throw new FormatError('The Iceberg table does not say where a deletion vector is', {
        where: { file },
        next: 'Copy the table again, with all of metadata/.',
      });
    const bytes = await readVector(file, { start, size }, this.#options);
    return rowsOfVector(file, bytes, { rowCount, cardinality: vector.rowCount });
  }
}
