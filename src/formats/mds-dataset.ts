import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { Dataset, IndexArray } from '../core/dataset.js';
import { ConfigError, FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import type { ByteSource } from '../storage/byte-source.js';
import { decompress } from '../storage/decompress.js';
import { withPath } from '../storage/location-path.js';
import { MemorySource } from '../storage/memory-source.js';
import { openSource } from '../storage/open-source.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { truncated } from '../storage/truncated.js';
import { asBuffer } from './as-buffer.js';
import { allOpened, openDataFile } from './data-files.js';
import { type MdsShard, readMdsIndex } from './mds-index.js';
import { mdsDecoder } from './mds-values.js';
import { RecordFiles, type RecordFilesRecipe } from './record-files.js';

export interface MdsDatasetOptions extends StorageOptions {
  /** Which columns a sample has. @defaultValue all */
  readonly columns?: readonly string[];
}

/** A column of MDS shards. */
export interface MdsColumn {
  readonly name: string;
  /** As MosaicML names it: `int`, `str`, `ndarray:float32:2,3`. */
  readonly encoding: string;
}

interface MdsFormat {
  /** All columns of the shards, in their order, with the bytes of those that always have the same number. */
  readonly fields: readonly (MdsColumn & { readonly size: number | null })[];
  /** Those of a sample. */
  readonly chosen: readonly string[];
}

const schema = v.looseObject({ columns: v.optional(v.array(v.string())) });

/**
 * MosaicML's MDS shards, as `MDSWriter` of `mosaicml-streaming` writes them. Images stay bytes, pickled columns cannot be read (they
 * could run code). Shards that are compressed with zstd or gzip are decompressed into memory.
 */
export class MdsDataset<T = Readonly<Record<string, unknown>>> implements Dataset<T>, Movable {
  readonly columns: readonly MdsColumn[];
  readonly #records: RecordFiles;
  readonly #format: MdsFormat;

  private constructor(records: RecordFiles, format: MdsFormat) {
    this.#records = records;
    this.#format = format;
    this.columns = format.chosen.map((name) => {
      const { encoding } = format.fields.find((field) => field.name === name)!;
      return { name, encoding };
    });
  }

  /**
   * Opens the shards that the `index.json` of a folder names.
   *
   * @param folder - A folder or its `index.json`, as a path or URL.
   * @throws {@link StorageError} when a file cannot be read; {@link FormatError} when one is damaged, or a column cannot be decoded;
   *   {@link ConfigError} for a column that is not there.
   */
  static async open<T = Readonly<Record<string, unknown>>>(
    folder: string | URL,
    options: MdsDatasetOptions = {},
  ): Promise<MdsDataset<T>> {
    const { columns, ...storage } = parseOptions('MdsDataset options', schema, options);
    const name = withPath(String(folder), (path) => path.replace(/\/?(index\.json)?$/, ''));
    const index = await openDataFile(fileIn(name, 'index.json'), storage);
    const shards = await readMdsIndex(index);
    index.close();
    const format = formatOf(shards[0]!, columns, index);
    const sources = await allOpened(shards.map((shard) => openShard(name, shard, storage)));
    const bounds = (source: ByteSource) => readBounds(source, shards[sources.indexOf(source)]!);
    return new MdsDataset(await RecordFiles.open('MdsDataset', sources, bounds), format);
  }

  get length(): number {
    return this.#records.length;
  }

  /** Samples of each shard. */
  get shardLengths(): readonly number[] {
    return this.#records.shardLengths;
  }

  /** @throws {@link FormatError} where a value cannot be decoded. */
  get(index: number): MaybePromise<T> {
    return andThen(this.#records.bytes(index), (bytes) => this.#decode(asBuffer(bytes), index));
  }

  /** Fetches what will be asked for into the cache, if there is one. */
  prefetch(indices: IndexArray): number | undefined {
    return this.#records.prefetch(indices);
  }

  fingerprint(): string {
    const { chosen } = this.#format;
    return fingerprint({ kind: 'MdsDataset', columns: chosen, files: this.#records.fingerprint() });
  }

  [toRecipe](): Recipe {
    return { builtIn: 'MdsDataset', args: { records: this.#records.recipe(), format: this.#format } };
  }

  static async fromRecipe(
    { records, format }: { records: RecordFilesRecipe; format: MdsFormat },
    make: MakeFromRecipe,
  ): Promise<MdsDataset<unknown>> {
    return new MdsDataset(await RecordFiles.fromRecipe(records, make), format);
  }

  close(): void {
    this.#records.close();
  }

  /** A sample is the sizes of its columns that have no fixed one, then their values. */
  #decode(bytes: Buffer, index: number): T {
    const { fields, chosen } = this.#format;
    const varying = fields.filter(({ size }) => size === null).length;
    if (bytes.length < 4 * varying) throw this.#records.damaged(index, 'ends in its sizes');
    let next = 0;
    const sizes = fields.map(({ size }) => size ?? bytes.readUInt32LE(4 * next++));
    let at = 4 * varying;
    const made: Record<string, unknown> = {};
    for (const [k, { name, encoding }] of fields.entries()) {
      const end = at + sizes[k]!;
      if (end > bytes.length) throw this.#records.damaged(index, `ends in the column ${name}`);
      if (chosen.includes(name)) {
        try {
          made[name] = mdsDecoder(encoding)!(bytes.subarray(at, end));
        } catch (cause) {
          const why = (cause as Error).message;
          throw this.#records.damaged(index, `has a column ${name} that is not ${encoding}: ${why}`, cause);
        }
      }
      at = end;
    }
    if (at !== bytes.length) throw this.#records.damaged(index, `has ${bytes.length - at} bytes too many`);
    return made as T;
  }
}

function formatOf(
  { column_names, column_encodings, column_sizes }: MdsShard,
  columns: readonly string[] | undefined,
  index: ByteSource,
): MdsFormat {
  // The writer's size of 0 is one that is not fixed.
  const fields = column_names.map((name, k) => ({
    name,
    encoding: column_encodings[k] ?? '',
    size: column_sizes[k] || null,
  }));
  const chosen = columns ?? column_names;
  const unknown = chosen.find((name) => !column_names.includes(name));
  if (unknown !== undefined) {
    const message = `there is no column ${unknown}; there are ${column_names.join(', ')}`;
    throw new ConfigError('MdsDataset options', [{ field: 'columns', message }]);
  }
  const undecodable = fields.find(({ name, encoding }) => chosen.includes(name) && !mdsDecoder(encoding));
  if (!undecodable) return { fields, chosen };
  throw new FormatError(
    `The column ${undecodable.name} has the encoding ${undecodable.encoding}, which cannot be read`,
    {
      where: { file: index.name },
      next: 'Choose other columns with { columns: […] }.',
    },
  );
}

/** The shard itself where it is there, else the compressed one, decompressed and checked against its length. */
function fileIn(folder: string, file: string): string {
  return withPath(folder, (path) => `${path}/${file}`);
}

async function openShard(folder: string, shard: MdsShard, options: StorageOptions): Promise<ByteSource> {
  const { raw_data, zip_data, compression } = shard;
  if (!zip_data || !compression)
    return checkLength(await openSource(fileIn(folder, raw_data.basename), options), raw_data.bytes);
  const packed = checkLength(await openSource(fileIn(folder, zip_data.basename), options), zip_data.bytes);
  const kind = compression.split(':')[0]!;
  if (kind !== 'zstd' && kind !== 'gz') {
    throw new FormatError(`The shard is compressed with ${compression}, which cannot be read`, {
      where: { file: packed.name },
      next: "Write the shards with compression='zstd', or without.",
    });
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of decompress(packed, kind === 'gz' ? 'gzip' : 'zstd')) pieces.push(piece);
  packed.close();
  const bytes = Buffer.concat(pieces);
  for (const [algorithm, wanted] of Object.entries(raw_data.hashes)) {
    if (!['sha1', 'sha256', 'sha512', 'md5'].includes(algorithm)) continue;
    if (createHash(algorithm).update(bytes).digest('hex') === wanted) continue;
    throw new FormatError(`The shard does not match its ${algorithm} checksum`, {
      where: { file: packed.name },
      next: 'Copy or write the shard again.',
    });
  }
  return checkLength(new MemorySource(bytes, packed.name), raw_data.bytes);
}

function checkLength(source: ByteSource, bytes: number): ByteSource {
  if (source.byteLength === bytes) return source;
  source.close();
  if (source.byteLength < bytes) throw truncated(source.name, 0, bytes, source.byteLength);
  throw new FormatError(`The shard has ${source.byteLength} bytes, and index.json says ${bytes}`, {
    where: { file: source.name },
    next: 'Copy the folder again: shards and index.json belong together.',
  });
}

/** The table at the beginning of a shard: the number of samples, then where each begins and the last one ends. */
async function readBounds(source: ByteSource, { samples }: MdsShard): Promise<Float64Array> {
  const tableEnd = 4 * (samples + 2);
  const table = Buffer.from(await source.read(0, tableEnd));
  const bounds = new Float64Array(new SharedArrayBuffer(8 * (samples + 1)));
  for (let k = 0; k <= samples; k++) bounds[k] = table.readUInt32LE(4 * (k + 1));
  const isAscending = bounds.every((bound, k) => k === 0 || bound >= bounds[k - 1]!);
  if (
    table.readUInt32LE(0) === samples &&
    isAscending &&
    bounds[0]! >= tableEnd &&
    bounds.at(-1) === source.byteLength
  )
    return bounds;
  throw new FormatError('The table of samples at the beginning of the shard is damaged', {
    where: { file: source.name, byteOffset: 0 },
    next: 'Copy or write the shard again.',
  });
}
