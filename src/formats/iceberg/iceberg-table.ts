import { ConfigError, FormatError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { setOwn } from '../../core/record.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { openExactFiles } from '../data-files.js';
import { rowsBesides } from '../deletes/deleted-rows.js';
import type { FileConstants, FormatOptions, TableFileFacts } from '../file-format.js';
import { ParquetDataset } from '../parquet/parquet-dataset.js';
import type { TableField } from '../tables/table-schema.js';
import { mayPass } from '../where/column-bounds.js';
import { filesToOpen } from '../where/files-to-open.js';
import { RowChoice } from '../where/select-rows.js';
import { DeletedPositions } from './deleted-positions.js';
import { EqualityDeletes } from './equality-deletes.js';
import { findMetadata } from './find-metadata.js';
import { boundsInFile, boundsInManifest } from './iceberg-bounds.js';
import { columnWithId, fieldsOf } from './iceberg-schema.js';
import { partitionValue } from './iceberg-values.js';
import { filesOfSnapshot, type ListedManifest, type ManifestFile } from './manifests.js';
import { type IcebergSnapshot, partitionId, readTableMetadata } from './table-metadata.js';
import { TablePaths } from './table-paths.js';

/**
 * Opens an Iceberg table at one snapshot: the rows of its data files, ordered by the path of the file. Columns are found by field id.
 * Files that `where` rules out by their partition or statistics are not opened. A file without deleted rows is opened when its first row is read.
 *
 * @param table - Its folder or a metadata file.
 * @throws {@link FormatError} if the metadata is damaged or uses a feature that Millrace does not have
 */
export async function openIcebergTable(
  table: string,
  { version, columns, where, ...storage }: FormatOptions,
): Promise<ParquetDataset> {
  const { root, file } = await findMetadata(table, storage);
  const found = await readTableMetadata(file, storage, version);
  const paths = new TablePaths(root, found.location);
  const fields = fieldsOf(table, found.schema);
  const names = fields.map(({ name }) => name);
  const choice = where && RowChoice.of('openDataset', where, names);
  const fieldOf = (name: string) => fields.find((field) => field.name === name);
  const specOf = (id: number | undefined) => found.specs.get(id ?? 0) ?? [];
  const mayHold = ({ partitions, partition_spec_id }: ListedManifest): boolean =>
    !choice ||
    !partitions ||
    mayPass(choice.node, (name) => {
      const field = fieldOf(name);
      return field ? boundsInManifest(field, partitions, specOf(partition_spec_id)) : [];
    });
  const files = found.snapshot ? await filesOfSnapshot(found.snapshot, paths, storage, mayHold) : [];
  const nameOf = ({ path }: ManifestFile) => paths.relative(path) ?? path;
  const all = files
    .filter(({ content }) => content === 'data')
    .sort((a, b) => byCodePoint(nameOf(a), nameOf(b)));
  const listed = files.filter(({ content }) => content !== 'data');
  const other =
    all.find(({ format }) => format !== 'parquet') ??
    listed.find(
      ({ content, format }) => !['parquet', content === 'positions' ? 'puffin' : ''].includes(format),
    );
  if (other)
    throw new FormatError(
      `The Iceberg table has ${other.format.toUpperCase()} files, which Millrace does not read`,
      {
        where: { table, file: other.path },
        next: 'Rewrite the table with the property write.format.default = parquet.',
      },
    );
  const constants = constantsOf(table, fields, all, found);
  const indices = filesToOpen(choice, constants, (k, name) => {
    const field = fieldOf(name);
    return field ? boundsInFile(field, all[k]!, specOf(all[k]!.specId)) : [];
  });
  if (indices.length === 0)
    throw new ConfigError('Data files', [
      { field: 'files', message: `the Iceberg table ${table} has no rows at this snapshot` },
    ]);
  const data = indices.map((k) => all[k]!);
  const schemas = [found.schema, ...[...found.schemas].reverse()];
  const [positions, values] = await Promise.all([
    DeletedPositions.read(
      listed.filter(({ content }) => content === 'positions'),
      paths,
      storage,
    ),
    EqualityDeletes.read(
      listed.filter(({ content }) => content === 'equality'),
      {
        ...{ table, paths, storage, specOf, names: found.nameMapping },
        fieldOf: (id) => columnWithId(table, schemas, id),
      },
    ),
  ]);
  const locations = data.map(({ path }) => paths.resolve(path));
  // The table says how long a file is. A data file is never overwritten.
  const known = new Map(
    data.map((each, k) => {
      const { byteLength } = each;
      const content = fingerprint({ table: found.uuid, path: nameOf(each), byteLength });
      return [locations[k]!, { byteLength, content }];
    }),
  );
  return ParquetDataset.open(await openExactFiles(locations, storage, known), {
    ...storage,
    ...(columns && { columns }),
    ...(where && { where }),
    tableSchema: { fields, ...(found.nameMapping && { names: found.nameMapping }) },
    tableFiles: data.map((each) => factsOf(each, nameOf(each), found, { positions, values })),
    constants: { columns: constants.columns, values: indices.map((k) => constants.values[k]!) },
  });
}

/** The values of columns that a table is partitioned by, as they are. The partitioning may have changed, so that files have different ones. */
function constantsOf(
  table: string,
  fields: readonly TableField[],
  files: readonly ManifestFile[],
  { specs }: IcebergSnapshot,
): FileConstants {
  const used = new Set<TableField>();
  const values = files.map(({ specId, partition }) => {
    const made: Record<string, unknown> = {};
    for (const [k, part] of (specs.get(specId) ?? []).entries()) {
      const field = fields.find(({ stored }) => stored === part['source-id']);
      const id = partitionId(part, k);
      if (part.transform !== 'identity' || !field || !partition.has(id)) continue;
      used.add(field);
      setOwn(made, field.name, partitionValue(table, field, partition.get(id)));
    }
    return made;
  });
  return { columns: Array.from(used, ({ name, type }) => ({ name, type })), values };
}

function factsOf(
  file: ManifestFile,
  name: string,
  { uuid, snapshot, schema }: IcebergSnapshot,
  deletes: { readonly positions: DeletedPositions; readonly values: EqualityDeletes },
): TableFileFacts {
  const content = fingerprint({
    table: uuid,
    snapshot: String(snapshot!['snapshot-id']),
    schema: schema['schema-id'] ?? 0,
    file: name,
  });
  const [byPosition, byValue] = [deletes.positions.of(file), deletes.values.of(file)];
  if (!byPosition && !byValue) return { fingerprint: content, length: file.rowCount };
  return {
    fingerprint: content,
    rowsLeft: async (rowCount) => {
      const deleted = [(await byPosition?.(rowCount)) ?? [], (await byValue?.()) ?? []];
      const rows = new Set(deleted.flatMap((some) => Array.from(some)));
      return rowsBesides(Float64Array.from(rows).sort(), rowCount);
    },
  };
}
