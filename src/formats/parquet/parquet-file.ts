import {
  type ColumnChunk,
  type ColumnMetaData,
  type FileMetaData,
  type ParquetQueryFilter,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { type ErrorLocation, FormatError, MillraceError } from '../../core/errors.js';
import { firstAbove } from '../../core/first-above.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { chooseColumns } from '../choose-columns.js';
import { SharedNumbers } from '../records/shared-numbers.js';
import { DecompressionBudget } from '../tables/decompression-budget.js';
import type { TableBlock, TableFile } from '../tables/table-rows.js';
import { rowCountOf } from '../tables/table-rows.js';
import type { TableSchema } from '../tables/table-schema.js';
import type { WhereNode } from '../where/where.js';
import type { LeafColumn } from './leaf-column.js';
import { type ChunkPlace, readLeaf } from './parquet-column.js';
import { filterColumns, matches } from './parquet-filter.js';
import { readFooter } from './parquet-footer.js';
import { type PagePlace, readPagePlaces } from './parquet-index.js';
import { rowsToLookAt } from './parquet-pruning.js';
import { type ColumnReader, columnReader, leafCount, readRow } from './parquet-schema.js';
import { pruningFilter } from './pruning-filter.js';
import { makerOf, namedByTable } from './table-fields.js';

/** Rows that are decoded together if the file has a page index; otherwise the whole row group. */
const blockRows = 8_192;

/** A column of a Parquet file and its Parquet type, or its type in the table that the file belongs to. */
export interface ParquetColumn {
  readonly name: string;
  /** `INT64`, `BYTE_ARRAY UTF8`, or `group` for nested columns; of a table, its own names of types. */
  readonly type: string;
}

/** Columns to read, and a limit on their size. */
export interface ParquetFileOptions {
  /** Names of the columns of a sample; `undefined`: all. Names that the file does not have are ignored. */
  readonly columns: readonly string[] | undefined;
  /** The most bytes that a block of rows may expand to. */
  readonly maxDecompressedBytes: number;
  /** The table that the file belongs to. Its columns are those of the table. @defaultValue none */
  readonly tableSchema?: TableSchema | undefined;
}

/** A Parquet file whose footer has been read. */
export class ParquetFile implements TableFile {
  readonly source: ByteSource;
  /** The columns of a sample. */
  readonly columns: readonly ParquetColumn[];
  /** Shape `[blocks + 1]`: the first row of each block, and the number of rows. */
  readonly bounds: Float64Array;
  /** Rows of each row group. */
  readonly groupLengths: readonly number[];
  readonly #metadata: FileMetaData;
  /** All columns of the file. */
  readonly tree: readonly SchemaTree[];
  readonly #maxDecompressedBytes: number;
  readonly #table: TableSchema | undefined;
  readonly #pagePlaces = new Map<ColumnChunk, Promise<PagePlace[]>>();

  private constructor(
    source: ByteSource,
    { metadata, tree }: { readonly metadata: FileMetaData; readonly tree: readonly SchemaTree[] },
    columns: readonly ParquetColumn[],
    { maxDecompressedBytes, tableSchema }: ParquetFileOptions,
  ) {
    this.source = source;
    this.columns = columns;
    this.groupLengths = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
    this.bounds = blocksOf(metadata, source.byteLength);
    this.#metadata = metadata;
    this.tree = tree;
    this.#maxDecompressedBytes = maxDecompressedBytes;
    this.#table = tableSchema;
  }

  /**
   * Reads the footer.
   *
   * @throws {@link FormatError} if the file is damaged.
   */
  static async open(source: ByteSource, options: ParquetFileOptions): Promise<ParquetFile> {
    // The last 8 bytes locate the footer.
    return guard({ file: source.name, byteOffset: Math.max(0, source.byteLength - 8) }, async () => {
      const { metadata, columns } = await readFooter(source);
      if (!options.tableSchema) return ParquetFile.#of(source, { metadata, columns }, options);
      return ParquetFile.fromFooter(
        source,
        namedByTable(source.name, metadata, options.tableSchema),
        options,
      );
    });
  }

  /** A file whose footer another thread has read, and has named by its table. */
  static fromFooter(source: ByteSource, metadata: FileMetaData, options: ParquetFileOptions): ParquetFile {
    return ParquetFile.#of(source, { metadata, columns: parquetSchema(metadata).children }, options);
  }

  static #of(
    source: ByteSource,
    { metadata, columns: tree }: { readonly metadata: FileMetaData; readonly columns: readonly SchemaTree[] },
    options: ParquetFileOptions,
  ): ParquetFile {
    const all =
      options.tableSchema?.fields.map(({ name, type }) => ({ name, type })) ??
      tree.map(({ element, children }) => ({
        name: element.name,
        type:
          children.length > 0 ? 'group' : [element.type, element.converted_type].filter(Boolean).join(' '),
      }));
    const chosen = options.columns ?? all.map(({ name }) => name);
    const columns = chosen.flatMap((name) => all.find((column) => column.name === name) ?? []);
    return new ParquetFile(source, { metadata, tree }, columns, options);
  }

  /** The footer, for another thread: plain data. */
  get footer(): FileMetaData {
    return this.#metadata;
  }

  /**
   * Byte ranges of a block's columns. Within a row group they are estimated from the rows: exact ranges would need the page
   * index.
   */
  bytesOfBlock(block: number): { readonly start: number; readonly end: number }[] {
    const { group, from, to } = this.#rowsOfBlock(block);
    const rows = this.groupLengths[group]!;
    const names = new Set(this.columns.map(({ name }) => name));
    return this.#metadata.row_groups[group]!.columns.flatMap((chunk) => {
      if (!chunk.meta_data || !names.has(chunk.meta_data.path_in_schema[0]!)) return [];
      const { start, end } = placeOf(chunk.meta_data);
      return [
        {
          start: start + Math.floor(((end - start) * from) / rows),
          end: start + Math.ceil(((end - start) * to) / rows),
        },
      ];
    });
  }

  /** Decodes columns of the rows of a block: the pages that contain them. */
  async readBlock(block: number, columns: readonly string[]): Promise<TableBlock> {
    return { start: this.bounds[block]!, columns: await this.#readColumns(block, columns) };
  }

  /** Ranges of rows that may pass a condition, by statistics and Bloom filters. @throws {@link FormatError} */
  async rangesThatMayPass(node: WhereNode) {
    const filter = pruningFilter(node, this.tree);
    if (!filter) return [{ rowStart: 0, rowEnd: rowCountOf(this) }];
    return guard({ file: this.source.name }, () => rowsToLookAt(this.source, this.#metadata, filter));
  }

  /** What the writer added to the footer, by key. */
  get metadata(): ReadonlyMap<string, string> {
    return new Map((this.#metadata.key_value_metadata ?? []).map(({ key, value = '' }) => [key, value]));
  }

  /** Names of all columns of the file, or of its table. */
  get columnNames(): string[] {
    return this.#table?.fields.map(({ name }) => name) ?? this.tree.map(({ element }) => element.name);
  }

  /** Rows that pass a filter, in order. Pages that statistics rule out are not read. */
  async rowsWhere(filter: ParquetQueryFilter): Promise<Float64Array> {
    const where = { file: this.source.name };
    return guard(where, async () => {
      const names = filterColumns(filter);
      chooseColumns({ owner: 'ParquetDataset', field: 'filter' }, names, this.columnNames);
      const rows = new SharedNumbers();
      for (const { rowStart, rowEnd } of await rowsToLookAt(this.source, this.#metadata, filter)) {
        for (let start = rowStart; start < rowEnd; ) {
          const block = firstAbove(this.bounds, start) - 1;
          const end = Math.min(rowEnd, this.bounds[block + 1]!);
          const columns = await this.#readColumns(block, names);
          for (let row = start; row < end; row++) {
            const place = row - this.bounds[block]!;
            const values = Object.fromEntries(names.map((name, k) => [name, columns[k]!(place)]));
            if (matches(values, filter)) rows.push(row);
          }
          start = end;
        }
      }
      return rows.shared();
    });
  }

  async #readColumns(block: number, names: readonly string[]): Promise<((row: number) => unknown)[]> {
    const { group, from, to } = this.#rowsOfBlock(block);
    const budget = new DecompressionBudget(this.#maxDecompressedBytes);
    return Promise.all(
      names.map((name) => {
        const where = { file: this.source.name, row: this.bounds[block]!, column: name };
        return guard(where, async () => {
          const field = this.#table?.fields.find((each) => each.name === name);
          const node = this.tree.find(({ element }) => element.name === name);
          if (field && !node) return () => field.initial ?? null;
          const make = field && makerOf(field, node!);
          const reader = this.#readerOf(name);
          const leaves = await this.#readLeaves(reader, { group, from, to }, budget);
          const read = reader.isFlat
            ? leaves[0]!.flatValues()
            : (row: number) => readRow(reader, leaves, row);
          return (row: number) => {
            try {
              const value = read(from + row);
              return make ? make(value) : value;
            } catch (cause) {
              throw damaged({ ...where, row: where.row + row }, cause);
            }
          };
        });
      }),
    );
  }

  async #readLeaves(
    reader: ColumnReader,
    rows: { readonly group: number; readonly from: number; readonly to: number },
    budget: DecompressionBudget,
  ): Promise<LeafColumn[]> {
    const { columns: chunks, num_rows } = this.#metadata.row_groups[rows.group]!;
    return Promise.all(
      reader.leaves.map(async (leaf, k) => {
        const chunk = chunks[reader.firstLeaf + k]!;
        if (chunk.crypto_metadata || !chunk.meta_data)
          throw new Error('the column is encrypted, and decryption is not supported');
        if (chunk.file_path) throw new Error(`the column is in another file, ${chunk.file_path}`);
        const place = placeOf(chunk.meta_data);
        if (place.start < 0 || place.end < place.start || place.end > this.source.byteLength)
          throw new Error('the column lies outside of the file');
        const isPart = rows.to - rows.from < Number(num_rows);
        const pages = isPart ? await this.#pagesOf(chunk) : undefined;
        const column = await readLeaf(this.source, { ...place, ...(pages && { pages }) }, leaf, rows, budget);
        if (column.firstRow > rows.from || column.endRow < rows.to)
          throw new Error(
            `the column has ${column.endRow - column.firstRow} of ${rows.to - rows.from} values`,
          );
        return column;
      }),
    );
  }

  #pagesOf(chunk: ColumnChunk): Promise<PagePlace[]> {
    let places = this.#pagePlaces.get(chunk);
    if (!places) {
      places = readPagePlaces(this.source, chunk.offset_index_offset!, chunk.offset_index_length ?? 0);
      this.#pagePlaces.set(chunk, places);
      // A failed read may succeed the next time.
      places.catch(() => this.#pagePlaces.delete(chunk));
    }
    return places;
  }

  #readerOf(name: string): ColumnReader {
    const k = this.tree.findIndex(({ element }) => element.name === name);
    const firstLeaf = this.tree.slice(0, k).reduce((sum, column) => sum + leafCount(column), 0);
    return columnReader(this.tree[k]!, firstLeaf);
  }

  /** The row group of a block, and its rows within it. */
  #rowsOfBlock(block: number): { readonly group: number; readonly from: number; readonly to: number } {
    let groupStart = 0;
    const group = this.groupLengths.findIndex((rows) => {
      if (this.bounds[block]! < groupStart + rows) return true;
      groupStart += rows;
      return false;
    });
    return { group, from: this.bounds[block]! - groupStart, to: this.bounds[block + 1]! - groupStart };
  }
}

function placeOf(chunk: ColumnMetaData): ChunkPlace {
  // Writers store 0 if there is no dictionary.
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const end = start + Number(chunk.total_compressed_size);
  return { codec: chunk.codec, start, end, entries: Number(chunk.num_values) };
}

/** Row groups, split into smaller blocks if all columns have a page index. */
function blocksOf({ row_groups }: FileMetaData, byteLength: number): Float64Array {
  const bounds = new SharedNumbers();
  let start = 0;
  for (const { columns, num_rows } of row_groups) {
    const rows = Number(num_rows);
    const hasIndex = columns.every(({ offset_index_offset }) => offset_index_offset !== undefined);
    // A file cannot have more blocks than bytes, however many rows it claims.
    const isCut = hasIndex && bounds.length + rows / blockRows < byteLength;
    for (let at = 0; at < rows; at += isCut ? blockRows : rows) bounds.push(start + at);
    start += rows;
  }
  bounds.push(start);
  return bounds.shared();
}

/** Adds the location to errors of the readers. */
async function guard<T>(where: ErrorLocation, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof MillraceError)
      throw cause instanceof FormatError ? cause.addLocation({ ...where, ...cause.where }) : cause;
    throw damaged(where, cause);
  }
}

function damaged(where: ErrorLocation, cause: unknown): FormatError {
  return new FormatError(`The Parquet file cannot be read: ${messageOf(cause)}`, {
    where,
    next: 'Copy or write the file again; millrace verify says which parts of it are whole.',
    cause,
  });
}
