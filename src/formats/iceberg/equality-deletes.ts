// https://iceberg.apache.org/spec/#equality-delete-files
import { FormatError } from '../../core/errors.js';
import { defaultDecompressedBytes } from '../../storage/decompressed-limit.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFile } from '../data-files.js';
import { ParquetFile } from '../parquet/parquet-file.js';
import type { TableField, TableSchema } from '../tables/table-schema.js';
import { partitionValue } from './iceberg-values.js';
import type { ManifestFile } from './manifests.js';
import { type PartitionField, partitionId } from './table-metadata.js';
import type { TablePaths } from './table-paths.js';

/** Values that rows are deleted by, from one file. */
interface DeletedValues {
  readonly file: ManifestFile;
  /** The fields that are compared. */
  readonly fields: readonly TableField[];
  readonly keys: ReadonlySet<string>;
}

/** What is needed to compare rows with deleted values. */
export interface EqualityOptions {
  readonly table: string;
  readonly paths: TablePaths;
  readonly storage: StorageOptions;
  /** A field of the table, today or before, by its id. */
  fieldOf(id: number): TableField | undefined;
  readonly names: TableSchema['names'];
  /** How a file is partitioned. */
  specOf(id: number): readonly PartitionField[];
}

/** Types whose values are exact and have one form. (Times have microseconds, of which a `Date` has none.) */
const exactTypes = /^(boolean|int|long|date|string|uuid)$/;

/** The rows that a snapshot deletes by their values. */
export class EqualityDeletes {
  readonly #options: EqualityOptions;
  readonly #values: readonly DeletedValues[];

  private constructor(options: EqualityOptions, values: readonly DeletedValues[]) {
    this.#options = options;
    this.#values = values;
  }

  /**
   * Reads the deleted values.
   *
   * @throws {@link FormatError} for values of a type that is not compared; {@link StorageError}
   */
  static async read(files: readonly ManifestFile[], options: EqualityOptions): Promise<EqualityDeletes> {
    const values = files.map(async (file) => {
      const fields = fieldsOf(file, options);
      return { file, fields, keys: new Set(await keysIn(file, fields, options)) };
    });
    return new EqualityDeletes(options, await Promise.all(values));
  }

  /** Finds the deleted rows of a data file; `undefined` if none can be. */
  of(file: ManifestFile): (() => Promise<readonly number[]>) | undefined {
    const applied = this.#values.filter((values) => this.#applies(values.file, file));
    if (applied.length === 0) return undefined;
    return async () => {
      const rows = await Promise.all(
        applied.map(async ({ fields, keys }) => {
          const found = await keysIn(file, fields, this.#options);
          return found.flatMap((key, row) => (keys.has(key) ? [row] : []));
        }),
      );
      return rows.flat();
    };
  }

  /** Deletes are of older rows: of all if they are not partitioned, else of the same partition. */
  #applies(deletes: ManifestFile, data: ManifestFile): boolean {
    if (deletes.sequence <= data.sequence) return false;
    if (this.#options.specOf(deletes.specId).every(({ transform }) => transform === 'void')) return true;
    return deletes.specId === data.specId && partitionKey(deletes) === partitionKey(data);
  }
}

function partitionKey({ partition }: ManifestFile): string {
  return keyOf(Array.from(partition).flat());
}

function fieldsOf(file: ManifestFile, { table, paths, fieldOf }: EqualityOptions): readonly TableField[] {
  const ids = file.equalityIds ?? [];
  const refused = (what: string) =>
    new FormatError(`The Iceberg table uses equality deletes by ${what}, which Millrace does not read`, {
      where: { table, file: paths.resolve(file.path) },
      next: 'Compact the table, so that deletes are applied: CALL system.rewrite_data_files in Spark, with delete-file-threshold 1.',
    });
  // Without columns, all rows would be equal.
  if (ids.length === 0) throw refused('no column');
  return ids.map((id) => {
    const field = fieldOf(id);
    if (!field) throw refused(`the field ${id}, which is no column`);
    if (!exactTypes.test(field.type)) throw refused(`the column ${field.name} of the type ${field.type}`);
    // Names may have been used again.
    return { ...field, name: String(id) };
  });
}

/** The values of fields in each row of a file, as text that is equal if they are: a missing value equals another. */
async function keysIn(
  file: ManifestFile,
  fields: readonly TableField[],
  { table, paths, storage, names, specOf }: EqualityOptions,
): Promise<string[]> {
  // Files need not store the columns that they are partitioned by.
  const constants = new Map<string, unknown>();
  for (const [k, part] of specOf(file.specId).entries()) {
    const field = fields.find(({ stored }) => stored === part['source-id']);
    const id = partitionId(part, k);
    if (field && part.transform === 'identity' && file.partition.has(id))
      constants.set(field.name, partitionValue(table, field, file.partition.get(id)));
  }
  const source = await openDataFile(paths.resolve(file.path), storage);
  try {
    const columns = fields.map(({ name }) => name);
    const parquet = await ParquetFile.open(source, {
      columns,
      maxDecompressedBytes: storage.maxDecompressedBytes ?? defaultDecompressedBytes,
      tableSchema: { fields, ...(names && { names }) },
    });
    const keys: string[] = [];
    for (let block = 0; block + 1 < parquet.bounds.length; block++) {
      const { columns: values } = await parquet.readBlock(block, columns);
      const count = parquet.bounds[block + 1]! - parquet.bounds[block]!;
      for (let row = 0; row < count; row++)
        keys.push(
          keyOf(
            values.map((value, k) => (constants.has(columns[k]!) ? constants.get(columns[k]!) : value(row))),
          ),
        );
    }
    return keys;
  } finally {
    source.close();
  }
}

function keyOf(values: readonly unknown[]): string {
  return JSON.stringify(
    values.map((value) => {
      if (value instanceof Date) return value.getTime();
      if (value instanceof Uint8Array) return Array.from(value);
      return typeof value === 'bigint' || typeof value === 'number' ? String(value) : (value ?? null);
    }),
  );
}
