import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  type ParquetQueryFilter,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetScan,
  parquetSchema,
  rowIndex,
} from 'hyparquet';
import { compressors as allCompressors } from 'hyparquet-compressors';
import { type ErrorPlace, FormatError, MillraceError } from '../core/errors.js';
import type { ByteSource } from '../storage/byte-source.js';
import { plainColumn } from './parquet-values.js';
import { SharedNumbers } from './shared-numbers.js';
import type { TableBlock, TableFile } from './table-rows.js';

/** Rows that are decoded together where the file says which pages they are in; else it is the whole row group. */
const blockRows = 8_192;

/** A column of a Parquet file: its type as Parquet has it. */
export interface ParquetColumn {
  readonly name: string;
  /** `INT64`, `BYTE_ARRAY UTF8`, a group of others. */
  readonly type: string;
}

const compressors: Compressors = {
  ...allCompressors,
  // The dictionary of a column of which all is missing has no bytes: the package takes it for damaged.
  LZ4_RAW: (input, length) => (length === 0 ? new Uint8Array(0) : allCompressors.LZ4_RAW!(input, length)),
};

/** A Parquet file whose footer has been read. */
export class ParquetFile implements TableFile {
  readonly source: ByteSource;
  /** The columns of a sample. */
  readonly columns: readonly ParquetColumn[];
  /** Shape `[blocks + 1]`: where each block of rows begins, and the number of rows. */
  readonly bounds: Float64Array;
  /** Rows of each row group. */
  readonly groupLengths: readonly number[];
  readonly #metadata: FileMetaData;
  readonly #file: AsyncBuffer;

  private constructor(source: ByteSource, metadata: FileMetaData, columns: readonly ParquetColumn[]) {
    this.source = source;
    this.columns = columns;
    this.groupLengths = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
    this.bounds = blocksOf(metadata);
    this.#metadata = metadata;
    this.#file = fileOf(source);
  }

  /**
   * Reads the footer.
   *
   * @param chosen - Names of the columns of a sample; all without it.
   * @throws {@link FormatError} when the file is damaged or a column is not there.
   */
  static async open(source: ByteSource, chosen: readonly string[] | undefined): Promise<ParquetFile> {
    // The footer is found from the last 8 bytes.
    return guard({ file: source.name, byteOffset: Math.max(0, source.byteLength - 8) }, async () => {
      const metadata = await parquetMetadataAsync(fileOf(source));
      const all = parquetSchema(metadata).children.map(({ element, children }) => ({
        name: element.name,
        type:
          children.length > 0 ? 'group' : [element.type, element.converted_type].filter(Boolean).join(' '),
      }));
      const columns = (chosen ?? all.map(({ name }) => name)).map((name) => {
        const column = all.find((candidate) => candidate.name === name);
        if (column) return column;
        throw new FormatError(`The file has no column ${name}`, {
          where: { file: source.name, columns: all.map((other) => other.name).join(' ') },
          next: 'Choose others with { columns: […] }.',
        });
      });
      return new ParquetFile(source, metadata, columns);
    });
  }

  /**
   * Where the pages of a block's columns are. Within a row group it is estimated by the place of its rows: to know, the index of the
   * pages would have to be read.
   */
  bytesOfBlock(block: number): { readonly start: number; readonly end: number }[] {
    const [from, to] = [this.bounds[block]!, this.bounds[block + 1]!];
    let groupStart = 0;
    const group = this.groupLengths.findIndex((rows) => {
      if (from < groupStart + rows) return true;
      groupStart += rows;
      return false;
    });
    const rows = this.groupLengths[group]!;
    const names = new Set(this.columns.map(({ name }) => name));
    return this.#metadata.row_groups[group]!.columns.flatMap(({ meta_data: chunk }) => {
      if (!chunk || !names.has(chunk.path_in_schema[0]!)) return [];
      const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
      const bytes = Number(chunk.total_compressed_size);
      return [
        {
          start: start + Math.floor((bytes * (from - groupStart)) / rows),
          end: start + Math.ceil((bytes * (to - groupStart)) / rows),
        },
      ];
    });
  }

  /** Decodes the rows of a block: the pages that have them, of the columns of a sample. */
  async readBlock(block: number): Promise<TableBlock> {
    const [start, end] = [this.bounds[block]!, this.bounds[block + 1]!];
    return guard({ file: this.source.name, row: start }, async () => {
      const names = this.columns.map(({ name }) => name);
      const options = { file: this.#file, metadata: this.#metadata, compressors, utf8: false };
      const scan = await parquetScan({ ...options, columns: names, rowStart: start, rowEnd: end });
      const columns = await Promise.all(
        names.map((column) => scan.readColumn({ column, rowStart: start, rowEnd: end })),
      );
      const short = columns.findIndex(({ length }) => length !== end - start);
      if (short < 0) {
        const schema = parquetSchema(this.#metadata).children;
        const columnOf = (name: string) => schema.find(({ element }) => element.name === name)!;
        const plain = columns.map((values, k) => plainColumn(values, columnOf(names[k]!)));
        return { start, columns: plain.map((values) => (row) => values[row]) };
      }
      throw new Error(`the column ${names[short]} has ${columns[short]!.length} of ${end - start} values`);
    });
  }

  /** Rows that a filter lets through, in order: what statistics and pages rule out is not read. */
  async rowsWhere(filter: ParquetQueryFilter): Promise<Float64Array> {
    return guard({ file: this.source.name }, async () => {
      const found = await parquetReadObjects({
        file: this.#file,
        metadata: this.#metadata,
        columns: columnsOf(filter),
        compressors,
        filter,
        includeRowIndex: true,
        usePageIndex: true,
        useBloomFilters: true,
      });
      const rows = new SharedNumbers();
      for (const row of found) rows.push(row[rowIndex]!);
      return rows.shared();
    });
  }
}

function fileOf(source: ByteSource): AsyncBuffer {
  return {
    byteLength: source.byteLength,
    async slice(start, end = source.byteLength) {
      const first = start < 0 ? Math.max(0, source.byteLength + start) : start;
      return (await source.read(first, end)).buffer as ArrayBuffer;
    },
  };
}

/** Row groups, cut into smaller parts where all columns have an index of their pages. */
function blocksOf(metadata: FileMetaData): Float64Array {
  const bounds = new SharedNumbers();
  const total = metadata.row_groups.reduce((sum, { num_rows }) => sum + num_rows, 0n);
  if (total !== metadata.num_rows || total > Number.MAX_SAFE_INTEGER)
    throw new Error(`the footer says ${metadata.num_rows} rows, and its row groups have ${total}`);
  let start = 0;
  for (const { columns, num_rows } of metadata.row_groups) {
    const rows = Number(num_rows);
    const hasIndex = columns.every(({ offset_index_offset }) => offset_index_offset !== undefined);
    for (let at = 0; at < rows; at += hasIndex ? blockRows : rows) bounds.push(start + at);
    start += rows;
  }
  bounds.push(start);
  return bounds.shared();
}

/** Names of the columns that a filter looks at. */
function columnsOf(filter: ParquetQueryFilter): string[] {
  const names = Object.entries(filter).flatMap(([key, value]) =>
    key.startsWith('$') ? (value as ParquetQueryFilter[]).flatMap(columnsOf) : [key],
  );
  return [...new Set(names)];
}

/** The parser's errors say what is wrong; this says where. */
async function guard<T>(where: ErrorPlace, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new FormatError(`The Parquet file cannot be read: ${(cause as Error).message}`, {
      where,
      next: 'Copy or write the file again; millrace verify says which parts of it are whole.',
      cause,
    });
  }
}
