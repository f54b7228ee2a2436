// The log of a Delta table: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
import { FormatError } from '../../core/errors.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { listObjects } from '../../storage/list-files.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { ParquetDataset } from '../parquet/parquet-dataset.js';
import { checkProtocol, type DeltaMetadata, type DeltaProtocol } from './delta-protocol.js';

/** A data file of a table. */
export interface DeltaFile {
  /** Relative to the table, or absolute; with percent codes. */
  readonly path: string;
  /** By partition column, as text. */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly deletionVector?: object | null;
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
  readonly remove?: { readonly path: string } | null;
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
  for (const part of log.checkpoints.get(start) ?? []) await readCheckpoint(part, options, state);
  for (let at = start + 1; at <= wanted; at++) await readCommit(log.commits.get(at)!, options, state);
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
    if (remove) this.#files.delete(remove.path);
    if (add) this.#files.set(add.path, add);
  }

  result(): Pick<DeltaSnapshot, 'metadata' | 'files'> {
    const [protocol, metadata] = [this.#protocol, this.#metadata];
    if (!protocol || !metadata)
      throw new FormatError('The log of the Delta table has no protocol or no schema', {
        where: { table: this.#table },
        next: 'Copy the table again, with all of _delta_log.',
      });
    const files = [...this.#files.values()].sort((a, b) => byCodePoint(a.path, b.path));
    checkProtocol(this.#table, protocol, metadata, files);
    return { metadata, files };
  }
}

interface Log {
  /** Name of each commit, by version. */
  readonly commits: ReadonlyMap<number, string>;
  /** Names of the parts of each complete checkpoint, by version. */
  readonly checkpoints: ReadonlyMap<number, readonly string[]>;
}

async function listLog(table: string, options: StorageOptions): Promise<Log> {
  const commits = new Map<number, string>();
  const checkpoints = new Map<number, string[]>();
  const objects = await listObjects(`${table.replace(/\/+$/, '')}/_delta_log`, options);
  for (const { name } of [...objects].sort((a, b) => byCodePoint(a.name, b.name))) {
    const [, version, , , , ending] =
      /(?:^|[\\/])(\d{20})(\.checkpoint(\.(\d{10})\.\d{10})?)?\.(json|parquet)$/.exec(name) ?? [];
    if (version === undefined) continue;
    const at = Number(version);
    if (ending === 'json') commits.set(at, name);
    else checkpoints.set(at, [...(checkpoints.get(at) ?? []), name]);
  }
  for (const [at, parts] of checkpoints) {
    const whole = parts.filter((name) => /checkpoint\.parquet$/.test(name));
    const count = Number(/\.(\d{10})\.parquet$/.exec(parts.at(-1)!)?.[1] ?? 1);
    if (whole.length > 0) checkpoints.set(at, whole);
    // A writer that was interrupted leaves some of the parts.
    else if (parts.length !== count) checkpoints.delete(at);
  }
  return { commits, checkpoints };
}

async function readCommit(name: string, options: StorageOptions, state: LogState): Promise<void> {
  const source = await openSource(name, options);
  try {
    const text = new TextDecoder().decode(await source.read(0, source.byteLength));
    for (const [line, action] of text.split('\n').entries()) {
      if (action.trim() === '') continue;
      try {
        state.apply(JSON.parse(action) as Action);
      } catch (cause) {
        throw new FormatError('A commit of the Delta table is damaged', {
          where: { file: name, line: line + 1 },
          next: 'Copy the table again, with all of _delta_log.',
          cause,
        });
      }
    }
  } finally {
    source.close();
  }
}

async function readCheckpoint(name: string, options: StorageOptions, state: LogState): Promise<void> {
  const rows = await ParquetDataset.open<Action>(name, {
    ...options,
    columns: ['protocol', 'metaData', 'add'],
  });
  try {
    for (let row = 0; row < rows.length; row++) state.apply(await rows.get(row));
  } finally {
    rows.close();
  }
}
