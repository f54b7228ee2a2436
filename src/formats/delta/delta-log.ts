// The log of a Delta table: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
import pLimit from 'p-limit';
import { FormatError } from '../../core/errors.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { listObjects } from '../../storage/list-files.js';
import type { ListedObject } from '../../storage/listed-object.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFile } from '../data-files.js';
import { ParquetDataset } from '../parquet/parquet-dataset.js';
import { type DeletionVector, nameOfVector } from './deletion-vector.js';
import { checkProtocol, type DeltaMetadata, type DeltaProtocol } from './delta-protocol.js';
import { tableLocation } from './table-location.js';

/** Most commits that are read at once. */
const readTogether = 16;

/** A data file of a table. */
export interface DeltaFile {
  /** Relative to the table, or absolute; with percent codes. */
  readonly path: string;
  /** By partition column, as text. */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** In bytes. */
  readonly size?: number | bigint | null;
  /** What the writer says about the rows, as JSON. */
  readonly stats?: string | null;
  /** The same as a record, in checkpoints of some writers. */
  readonly stats_parsed?: unknown;
  /** Rows of the file that are deleted. */
  readonly deletionVector?: DeletionVector | null;
}

/** A table at one version. */
export interface DeltaSnapshot {
  readonly version: number;
  readonly metadata: DeltaMetadata;
  /** Ordered by path. */
  readonly files: readonly DeltaFile[];
}

/** A line of a commit, or a row of a checkpoint: one of these is there. */
interface Action {
  readonly protocol?: DeltaProtocol | null;
  readonly metaData?: DeltaMetadata | null;
  readonly add?: DeltaFile | null;
  readonly remove?: Pick<DeltaFile, 'path' | 'deletionVector'> | null;
  /** A file with more actions of a checkpoint. */
  readonly sidecar?: { readonly path: string } | null;
}

/** A data file and its deletion vector: a file whose vector changes is removed and added in one commit, in any order. */
function nameOf({ path, deletionVector }: Pick<DeltaFile, 'path' | 'deletionVector'>): string {
  return JSON.stringify([path, deletionVector ? nameOfVector(deletionVector) : null]);
}

/**
 * Reads the log of a table: the newest checkpoint and the commits after it.
 *
 * @param table - The folder of the table.
 * @param version - @defaultValue the newest
 * @throws {@link FormatError} if the log is damaged, does not reach the version, or needs a feature that Millrace does not have
 */
export async function readDeltaLog(
  table: string,
  options: StorageOptions,
  version?: number,
): Promise<DeltaSnapshot> {
  const log = await listLog(table, options);
  const newest = Math.max(-1, ...log.commits.keys(), ...log.checkpoints.keys());
  const wanted = version ?? newest;
  const start = Math.max(-1, ...[...log.checkpoints.keys()].filter((at) => at <= wanted));
  const missing = Array.from({ length: wanted - start }, (_, k) => start + 1 + k).find(
    (at) => !log.commits.has(at),
  );
  if (wanted < 0 || wanted > newest || missing !== undefined)
    throw new FormatError(`The log of the Delta table does not reach version ${Math.max(0, wanted)}`, {
      where: { table, newestVersion: newest, ...(missing !== undefined && { missingCommit: missing }) },
      next: 'Name a version whose commits are still there, or omit version for the newest.',
    });
  const state = new LogState(table);
  for (const part of log.checkpoints.get(start) ?? []) await readCheckpoint(table, part, options, state);
  const newer = Array.from({ length: wanted - start }, (_, k) => log.commits.get(start + 1 + k)!);
  const together = pLimit(readTogether);
  const commits = await Promise.all(newer.map((commit) => together(() => linesOf(commit, options))));
  for (const action of commits.flat()) state.apply(action);
  return { version: wanted, ...state.result() };
}

/** What the actions so far add up to. */
class LogState {
  readonly #table: string;
  readonly #files = new Map<string, DeltaFile>();
  #protocol: DeltaProtocol | undefined;
  #metadata: DeltaMetadata | undefined;

  constructor(table: string) {
    this.#table = table;
  }

  apply({ protocol, metaData, add, remove }: Action): void {
    if (protocol) this.#protocol = protocol;
    if (metaData) this.#metadata = metaData;
    if (remove) this.#files.delete(nameOf(remove));
    if (add) this.#files.set(nameOf(add), add);
  }

  result(): Pick<DeltaSnapshot, 'metadata' | 'files'> {
    const [protocol, metadata] = [this.#protocol, this.#metadata];
    if (!protocol || !metadata)
      throw new FormatError('The log of the Delta table has no protocol or no schema', {
        where: { table: this.#table },
        next: 'Copy the table again, with all of _delta_log.',
      });
    const files = [...this.#files.values()].sort((a, b) => byCodePoint(a.path, b.path));
    checkProtocol(this.#table, protocol, metadata);
    return { metadata, files };
  }
}

interface Log {
  /** By version. */
  readonly commits: ReadonlyMap<number, ListedObject>;
  /** The parts of each complete checkpoint, by version. */
  readonly checkpoints: ReadonlyMap<number, readonly ListedObject[]>;
}

async function listLog(table: string, options: StorageOptions): Promise<Log> {
  const commits = new Map<number, ListedObject>();
  const checkpoints = new Map<number, readonly ListedObject[]>();
  const objects = await listObjects(`${table.replace(/\/+$/, '')}/_delta_log/`, options);
  for (const object of [...objects].sort((a, b) => byCodePoint(a.name, b.name))) {
    const [, version, isCheckpoint, part, ending] =
      /(?:^|[\\/])(\d{20})(\.checkpoint)?(\.\d{10}\.\d{10}|\.[0-9a-f-]{36})?\.(json|parquet)$/.exec(
        object.name,
      ) ?? [];
    if (version === undefined || (part !== undefined && isCheckpoint === undefined)) continue;
    const at = Number(version);
    if (isCheckpoint === undefined && ending === 'json') commits.set(at, object);
    else if (isCheckpoint !== undefined) checkpoints.set(at, [...(checkpoints.get(at) ?? []), object]);
  }
  for (const [at, files] of checkpoints) {
    const parts = completeCheckpoint(files);
    if (parts) checkpoints.set(at, parts);
    else checkpoints.delete(at);
  }
  return { commits, checkpoints };
}

/** The files of a checkpoint; `undefined` if some are missing. A version may have several checkpoints that say the same. */
function completeCheckpoint(files: readonly ListedObject[]): readonly ListedObject[] | undefined {
  const isPart = ({ name }: ListedObject) => /\.\d{10}\.\d{10}\.parquet$/.test(name);
  const whole = files.find((file) => !isPart(file));
  if (whole !== undefined) return [whole];
  // A writer that was interrupted leaves some of the parts.
  const count = Number(/\.(\d{10})\.parquet$/.exec(files.at(-1)!.name)![1]);
  return files.length === count ? files : undefined;
}

/** The actions of a file of JSON lines. */
async function linesOf({ name, version }: ListedObject, options: StorageOptions): Promise<Action[]> {
  const source = await openSource(name, options, version);
  try {
    const text = new TextDecoder().decode(await source.read(0, source.byteLength));
    return text.split('\n').flatMap((line, k) => {
      if (line.trim() === '') return [];
      try {
        return [JSON.parse(line) as Action];
      } catch (cause) {
        throw new FormatError('A commit of the Delta table is damaged', {
          where: { file: name, line: k + 1 },
          next: 'Copy the table again, with all of _delta_log.',
          cause,
        });
      }
    });
  } finally {
    source.close();
  }
}

/** Reads a checkpoint and the files with further actions that it names. */
async function readCheckpoint(
  table: string,
  file: ListedObject,
  options: StorageOptions,
  state: LogState,
): Promise<void> {
  const actions = await (file.name.endsWith('.json') ? linesOf : rowsOf)(file, options);
  for (const action of actions) {
    state.apply(action);
    if (!action.sidecar) continue;
    const { path } = action.sidecar;
    const isName = !/[\\/]/.test(path);
    const name = tableLocation(table, isName ? `_delta_log/_sidecars/${path}` : path);
    for (const further of await rowsOf({ name }, options)) state.apply(further);
  }
}

/** Columns of a checkpoint that describe the table. */
const actionColumns: readonly string[] = ['protocol', 'metaData', 'add', 'sidecar'];

/** The actions of a Parquet file, which has some of the columns. */
async function rowsOf({ name, version }: ListedObject, options: StorageOptions): Promise<Action[]> {
  const source = await openDataFile(name, options, version);
  try {
    const all = await ParquetDataset.open(source);
    const columns = all.firstFile.columnNames.filter((column) => actionColumns.includes(column));
    if (columns.length === 0) return [];
    const rows = await ParquetDataset.open<Action>(source, { columns });
    const actions: Action[] = [];
    for (let row = 0; row < rows.length; row++) actions.push(await rows.get(row));
    return actions;
  } finally {
    source.close();
  }
}
