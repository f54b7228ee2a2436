import { FormatError } from '../../core/errors.js';
import type { LaterShard, TableSettings } from '../tables/table-rows.js';
import { rowCountOf } from '../tables/table-rows.js';
import { ParquetFile } from './parquet-file.js';
import { lackedValues, type TypesOfColumns } from './same-columns.js';

/** Files of a table whose footers are read when their first row is, since the log of the table says how many rows they have. */
export class LaterFiles {
  readonly #settings: TableSettings;
  /** Columns that no folder name gives. */
  readonly #types: TypesOfColumns = new Map();

  /** @param first - The first file of the table, whose types the others must have. */
  constructor(first: ParquetFile, settings: TableSettings) {
    this.#settings = settings;
    for (const { name, type } of first.columns) this.#types.set(name, { file: first, type });
  }

  shard(shard: Omit<LaterShard<ParquetFile>, 'open'>): LaterShard<ParquetFile> {
    const { source, fingerprint, length, constants } = shard;
    return {
      ...shard,
      open: async () => {
        const { columns, maxDecompressedBytes } = this.#settings;
        const file = await ParquetFile.open(source, { columns, maxDecompressedBytes });
        const rowCount = rowCountOf(file);
        if (rowCount !== length)
          throw new FormatError(`The file has ${rowCount} rows, and the log of its table says ${length}`, {
            where: { file: source.name },
            next: 'Copy the table again, with all of its log.',
          });
        const stored = columns.flatMap((name) =>
          constants && Object.hasOwn(constants, name) ? [] : [{ name }],
        );
        // Not constants: those are part of the fingerprint, which does not change when a file is opened.
        const lacked = Object.keys(lackedValues(file, stored, this.#types));
        return { file, fingerprint, constants, ...(lacked.length > 0 && { lacked }) };
      },
    };
  }
}
