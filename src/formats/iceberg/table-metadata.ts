// https://iceberg.apache.org/spec/#table-metadata-fields
import { ConfigError, FormatError } from '../../core/errors.js';
import { ownValue } from '../../core/record.js';
import { decompressInMemory } from '../../storage/decompress.js';
import { defaultDecompressedBytes } from '../../storage/decompressed-limit.js';
import { MemorySource } from '../../storage/memory-source.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import type { NameMapping } from '../tables/table-schema.js';
import { parseJson } from '../text/parse-json.js';
import type { IcebergSchema } from './iceberg-schema.js';

/** How a table was partitioned. */
export interface PartitionField {
  readonly 'source-id'?: number;
  readonly 'field-id'?: number;
  readonly name: string;
  readonly transform: string;
}

/** The id of a partition field by its place: tables of version 1 do not say it. */
export function partitionId(field: { readonly 'field-id'?: number }, place: number): number {
  return field['field-id'] ?? 1_000 + place;
}

type Id = number | bigint;

export interface Snapshot {
  readonly 'snapshot-id': Id;
  readonly 'schema-id'?: number;
  /** An Avro file with the manifests. */
  readonly 'manifest-list'?: string;
  /** The manifests themselves, in old tables of version 1. */
  readonly manifests?: readonly string[];
}

interface Metadata {
  readonly 'format-version': number;
  readonly 'table-uuid'?: string;
  readonly location: string;
  readonly schemas?: readonly IcebergSchema[];
  readonly 'current-schema-id'?: number;
  readonly schema?: IcebergSchema;
  readonly 'partition-specs'?: readonly {
    readonly 'spec-id': number;
    readonly fields: readonly PartitionField[];
  }[];
  readonly 'partition-spec'?: readonly PartitionField[];
  readonly 'current-snapshot-id'?: Id | null;
  readonly snapshots?: readonly Snapshot[];
  readonly refs?: Readonly<Record<string, { readonly 'snapshot-id': Id; readonly type: string }>>;
  readonly properties?: Readonly<Record<string, string>>;
}

/** A table at one snapshot. */
export interface IcebergSnapshot {
  readonly uuid: string;
  readonly location: string;
  /** `undefined`: the table never had rows. */
  readonly snapshot: Snapshot | undefined;
  readonly schema: IcebergSchema;
  /** Those that the table has had. */
  readonly schemas: readonly IcebergSchema[];
  /** By id. */
  readonly specs: ReadonlyMap<number, readonly PartitionField[]>;
  readonly nameMapping: NameMapping | undefined;
}

const newestVersion = 3;

/**
 * Reads the metadata of a table. A snapshot or tag has the columns that the table had then; a branch those of today.
 *
 * @param version - The id of a snapshot, or the name of a branch or tag. @defaultValue the current snapshot
 * @throws {@link FormatError} if it is damaged or of an unknown version; {@link ConfigError} for an unknown snapshot
 */
export async function readTableMetadata(
  file: string,
  options: StorageOptions,
  version?: number | bigint | string,
): Promise<IcebergSnapshot> {
  const metadata = await parsed(file, options);
  if (metadata['format-version'] > newestVersion)
    throw new FormatError(
      `The Iceberg table has version ${metadata['format-version']} of the format, which Millrace does not read`,
      { where: { file }, next: 'Write a copy of the table with an older version.' },
    );
  const ref = typeof version === 'string' ? ownValue(metadata.refs ?? {}, version) : undefined;
  const snapshot = snapshotOf(file, metadata, ref ? ref['snapshot-id'] : version);
  const isOfToday = version === undefined || ref?.type === 'branch';
  const schemaId = (isOfToday ? undefined : snapshot?.['schema-id']) ?? metadata['current-schema-id'];
  const schema =
    metadata.schemas?.find((each) => each['schema-id'] === schemaId) ??
    (metadata.schemas ? undefined : metadata.schema);
  const specs = metadata['partition-specs'] ?? [{ 'spec-id': 0, fields: metadata['partition-spec'] ?? [] }];
  if (!schema || typeof metadata.location !== 'string') throw damaged(file, new Error('it has no schema'));
  const mapping = ownValue(metadata.properties ?? {}, 'schema.name-mapping.default');
  return {
    uuid: metadata['table-uuid'] ?? metadata.location,
    location: metadata.location,
    snapshot,
    schema,
    schemas: metadata.schemas ?? [schema],
    specs: new Map(specs.map((spec) => [spec['spec-id'], spec.fields])),
    nameMapping: mapping === undefined ? undefined : (JSON.parse(mapping) as NameMapping),
  };
}

function snapshotOf(
  file: string,
  metadata: Metadata,
  version: number | bigint | string | undefined,
): Snapshot | undefined {
  const { snapshots = [], refs = {} } = metadata;
  const current = metadata['current-snapshot-id'];
  // Java writes -1 for a table without snapshots.
  if (version === undefined && (current === undefined || current === null || Number(current) === -1))
    return undefined;
  const id = String(version ?? current);
  const found = snapshots.find((snapshot) => String(snapshot['snapshot-id']) === id);
  if (found) return found;
  if (version === undefined) throw damaged(file, new Error(`its current snapshot ${id} is not in it`));
  const ids = snapshots.slice(-5).map((snapshot) => `${snapshot['snapshot-id']}n`);
  throw new ConfigError(
    'openDataset options',
    [{ field: 'version', message: `the Iceberg table has no snapshot, branch or tag ${id}` }],
    {
      where: { file, newestSnapshots: ids.join(', '), names: Object.keys(refs).join(', ') },
      next: 'Name one of these, or omit version for the current snapshot.',
    },
  );
}

async function parsed(file: string, options: StorageOptions): Promise<Metadata> {
  const source = await openSource(file, options);
  try {
    const bytes = await source.read(0, source.byteLength);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    // Ids of snapshots have 64 bits.
    const limit = options.maxDecompressedBytes ?? defaultDecompressedBytes;
    const text = isGzip ? await decompressInMemory(new MemorySource(bytes, file), 'gzip', limit) : bytes;
    const found = parseJson(new TextDecoder().decode(text)) as Metadata | null;
    if (typeof found?.['format-version'] !== 'number') throw new Error('it has no format-version');
    return found;
  } catch (cause) {
    if (!(cause instanceof Error) || ('code' in cause && String(cause.code).startsWith('ERR_MILLRACE')))
      throw cause;
    throw damaged(file, cause);
  } finally {
    source.close();
  }
}

function damaged(file: string, cause: Error): FormatError {
  return new FormatError(`The metadata of the Iceberg table is damaged: ${cause.message}`, {
    where: { file },
    next: 'Copy the table again, with all of metadata/.',
    cause,
  });
}
