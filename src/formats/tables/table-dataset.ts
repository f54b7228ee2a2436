import * as v from 'valibot';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { integerFrom } from '../../core/options.js';
import { defaultDecompressedBytes } from '../../storage/decompressed-limit.js';
import { FileDataset } from '../file-dataset.js';
import type { FileConstants } from '../file-format.js';
import { whereOption } from '../where/where.js';
import {
  type LaterShard,
  type TableFile,
  TableRows,
  type TableSettings,
  type TableShard,
} from './table-rows.js';

/** Options of all tables. */
export const tableOptions = {
  columns: v.optional(v.array(v.string())),
  where: whereOption,
  constants: v.optional(v.custom<FileConstants>((value) => typeof value === 'object')),
  cacheBlocks: v.optional(integerFrom(1), 8),
  maxDecompressedBytes: v.optional(integerFrom(1), defaultDecompressedBytes),
};

/** Rows of tables that are decoded block by block, each an object by column. */
export abstract class TableDataset<T, File extends TableFile> extends FileDataset<
  T,
  TableRows<File>,
  TableSettings
> {
  protected constructor(
    kind: string,
    shards: readonly (TableShard<File> | LaterShard<File>)[],
    settings: TableSettings,
  ) {
    super(kind, new TableRows(kind, shards, settings), settings);
  }

  /** @throws {@link FormatError} if the block that holds the row is damaged. */
  get(index: number): MaybePromise<T> {
    return this.rows.get(index) as MaybePromise<T>;
  }

  protected override identity() {
    const { columns, where } = this.settings;
    return { columns, ...(where !== undefined && { where }) };
  }
}
