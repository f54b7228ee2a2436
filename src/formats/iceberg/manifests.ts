// https://iceberg.apache.org/spec/#manifests
import pLimit from 'p-limit';
import type { StorageOptions } from '../../storage/storage-options.js';
import { type AvroFile, readAvro } from './avro-file.js';
import { partitionId, type Snapshot } from './table-metadata.js';
import type { TablePaths } from './table-paths.js';

/** Most manifests that are read at once. */
const readTogether = 16;

/** A data file of a snapshot, or a file that lists deleted rows. */
export interface ManifestFile {
  readonly content: 'data' | 'positions' | 'equality';
  /** As the metadata has it. */
  readonly path: string;
  /** `parquet`, `orc`, `avro` or `puffin`. */
  readonly format: string;
  readonly rowCount: number;
  readonly byteLength: number;
  /** When its rows were written, among all changes of the table. */
  readonly sequence: bigint;
  readonly specId: number;
  /** By the id of the partition field. */
  readonly partition: ReadonlyMap<number, unknown>;
  /** Number of missing values, and bounds of the others, by field id. */
  readonly nullCounts: ById<bigint>;
  readonly lowerBounds: ById<Uint8Array>;
  readonly upperBounds: ById<Uint8Array>;
  /** Of a file of deleted values: the ids of its columns. */
  readonly equalityIds: readonly number[] | null | undefined;
  /** Of a deletion vector: the data file, and its place in its own file. */
  readonly referencedFile: string | undefined;
  readonly contentStart: number | undefined;
  readonly contentBytes: number | undefined;
}

/** A value of a map by field id, which Avro has as a list. */
type ById<T> = readonly { readonly key: number; readonly value: T }[] | null | undefined;

/** What a manifest list says about the values of one partition field in a manifest. */
export interface FieldSummary {
  readonly contains_null?: boolean | null;
  readonly lower_bound?: Uint8Array | null;
  readonly upper_bound?: Uint8Array | null;
}

/** A manifest, as the list of a snapshot has it. */
export interface ListedManifest {
  readonly manifest_path: string;
  /** 1: it lists deleted rows. */
  readonly content?: number | null;
  readonly partitions?: readonly FieldSummary[] | null;
  readonly manifest_length?: bigint;
  readonly partition_spec_id?: number;
  readonly sequence_number?: bigint | null;
}

interface Entry {
  readonly status: number;
  readonly sequence_number?: bigint | null;
  readonly data_file: {
    readonly content?: number | null;
    readonly file_path: string;
    readonly file_format: string;
    readonly record_count: bigint;
    readonly file_size_in_bytes: bigint;
    readonly partition?: Readonly<Record<string, unknown>> | null;
    readonly null_value_counts?: ById<bigint>;
    readonly lower_bounds?: ById<Uint8Array>;
    readonly upper_bounds?: ById<Uint8Array>;
    readonly equality_ids?: readonly number[] | null;
    readonly referenced_data_file?: string | null;
    readonly content_offset?: bigint | null;
    readonly content_size_in_bytes?: bigint | null;
  };
}

const deleted = 2;
const contents = ['data', 'positions', 'equality'] as const;

/**
 * The files of a snapshot.
 *
 * @param mayHold - Whether a manifest of data files may list one that is needed. If none does, all are read.
 * @throws {@link FormatError} if a manifest is damaged; {@link StorageError}
 */
export async function filesOfSnapshot(
  snapshot: Snapshot,
  paths: TablePaths,
  options: StorageOptions,
  mayHold: (manifest: ListedManifest) => boolean,
): Promise<readonly ManifestFile[]> {
  const list = snapshot['manifest-list'];
  const manifests: readonly ListedManifest[] =
    list === undefined
      ? (snapshot.manifests ?? []).map((manifest_path) => ({ manifest_path }))
      : (await readAvro<ListedManifest>(paths.resolve(list), options)).records;
  const together = pLimit(readTogether);
  const filesOf = async (some: readonly ListedManifest[]) =>
    (
      await Promise.all(some.map((manifest) => together(() => filesOfManifest(manifest, paths, options))))
    ).flat();
  const needed = manifests.filter((manifest) => manifest.content === 1 || mayHold(manifest));
  const files = await filesOf(needed);
  const isEmpty = !files.some(({ content }) => content === 'data');
  return isEmpty && needed.length < manifests.length ? filesOf(manifests) : files;
}

async function filesOfManifest(
  { manifest_path, manifest_length, partition_spec_id, sequence_number }: ListedManifest,
  paths: TablePaths,
  options: StorageOptions,
): Promise<ManifestFile[]> {
  const length = manifest_length === undefined ? undefined : Number(manifest_length);
  const manifest = await readAvro<Entry>(paths.resolve(manifest_path), options, length);
  const specId = Number(manifest.metadata.get('partition-spec-id') ?? partition_spec_id ?? 0);
  const partitionIds = partitionIdsOf(manifest);
  return manifest.records.flatMap((entry): ManifestFile[] => {
    const { data_file: file, status } = entry;
    if (status === deleted) return [];
    return [
      {
        content: contents[file.content ?? 0]!,
        path: file.file_path,
        format: file.file_format.toLowerCase(),
        rowCount: Number(file.record_count),
        byteLength: Number(file.file_size_in_bytes),
        // A file that was just added has the number of its manifest; tables of version 1 have none.
        sequence: entry.sequence_number ?? sequence_number ?? 0n,
        specId,
        partition: new Map(
          Object.entries(file.partition ?? {}).map(([name, value]) => [partitionIds.get(name) ?? -1, value]),
        ),
        nullCounts: file.null_value_counts,
        lowerBounds: file.lower_bounds,
        upperBounds: file.upper_bounds,
        equalityIds: file.equality_ids,
        referencedFile: file.referenced_data_file ?? undefined,
        contentStart: numberOf(file.content_offset),
        contentBytes: numberOf(file.content_size_in_bytes),
      },
    ];
  });
}

function numberOf(value: bigint | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

/** A record of an Avro schema, as far as it is read. */
interface AvroRecord {
  readonly fields?: readonly {
    readonly name: string;
    readonly type: unknown;
    readonly 'field-id'?: number;
  }[];
}

/** The ids of the partition fields of a manifest, by their names in it, which need not be those of the table. */
function partitionIdsOf({ schema }: AvroFile<Entry>): ReadonlyMap<string, number> {
  const typeOf = (record: unknown, name: string) =>
    (record as AvroRecord | undefined)?.fields?.find((field) => field.name === name)?.type;
  const partition = typeOf(typeOf(schema, 'data_file'), 'partition') as AvroRecord | undefined;
  return new Map(partition?.fields?.map((field, k) => [field.name, partitionId(field, k)]) ?? []);
}
