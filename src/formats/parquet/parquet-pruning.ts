import { type FileMetaData, type ParquetQueryFilter, parquetScan } from 'hyparquet';
import type { ByteSource } from '../../storage/byte-source.js';
import { readThrift } from './compact-thrift.js';
import { filterColumns } from './parquet-filter.js';
import { readRange } from './parquet-index.js';

type Group = FileMetaData['row_groups'][number];

/**
 * Ranges of rows that may pass a filter, by statistics of row groups and pages and by Bloom filters. hyparquet evaluates them;
 * the indexes are validated first, since it allocates the claimed length of a list.
 */
export async function rowsToLookAt(
  source: ByteSource,
  metadata: FileMetaData,
  filter: ParquetQueryFilter,
): Promise<readonly { readonly rowStart: number; readonly rowEnd: number }[]> {
  const columns = filterColumns(filter);
  const names = new Set(columns);
  const row_groups = metadata.row_groups.map((group) => withoutDecimals(group, metadata));
  for (const group of row_groups) await checkIndexes(source, group, names);
  const file = {
    byteLength: source.byteLength,
    async slice(start: number, end = source.byteLength) {
      const first = start < 0 ? Math.max(0, source.byteLength + start) : start;
      return (await source.read(first, end)).buffer as ArrayBuffer;
    },
  };
  const scan = await parquetScan({
    file,
    metadata: { ...metadata, row_groups },
    columns,
    pruningFilter: filter,
    filterStrict: false,
    usePageIndex: true,
    useBloomFilters: true,
  });
  return scan.ranges;
}

/** hyparquet multiplies decimals by 0.01 and the like, so that its bounds differ from the values. */
function withoutDecimals(group: Group, { schema }: FileMetaData): Group {
  const leaves = schema.slice(1).filter(({ num_children }) => !num_children);
  const columns = group.columns.map((chunk, k) => {
    const { converted_type, logical_type } = leaves[k]!;
    if (converted_type !== 'DECIMAL' && logical_type?.type !== 'DECIMAL') return chunk;
    const { column_index_offset: _, column_index_length: __, meta_data, ...rest } = chunk;
    if (!meta_data) return chunk;
    const { statistics: ___, bloom_filter_offset: ____, ...bare } = meta_data;
    return { ...rest, meta_data: bare };
  });
  return { ...group, columns };
}

async function checkIndexes(source: ByteSource, group: Group, names: ReadonlySet<string>): Promise<void> {
  for (const chunk of group.columns) {
    if (!chunk.meta_data || !names.has(chunk.meta_data.path_in_schema[0]!)) continue;
    const { bloom_filter_offset, bloom_filter_length } = chunk.meta_data;
    const indexes = [
      [chunk.offset_index_offset, chunk.offset_index_length],
      [chunk.column_index_offset, chunk.column_index_length],
      [bloom_filter_offset, bloom_filter_length],
    ] as const;
    for (const [start, length] of indexes)
      if (start && length) readThrift(await readRange(source, start, length));
  }
}
