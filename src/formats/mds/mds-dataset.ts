import type { Buffer } from 'node:buffer';
import * as v from 'valibot';
import { FormatError, type MillraceError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { setOwn } from '../../core/record.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { withPath } from '../../storage/location-path.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { isRemote } from '../../storage/url-scheme.js';
import { chooseColumns } from '../choose-columns.js';
import { allOpened, openDataFile } from '../data-files.js';
import { FileDataset, type FileRecipe } from '../file-dataset.js';
import { asBuffer } from '../records/as-buffer.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import { columnsNamed } from '../tables/columns-named.js';
import { type MdsShard, readMdsIndex } from './mds-index.js';
import { hashErrors, openMdsShard, readBounds } from './mds-shard.js';
import { type MdsDecoder, mdsDecoder } from './mds-values.js';
import { RemoteShards, type RemoteShardsRecipe } from './remote-shards.js';

export interface MdsDatasetOptions extends StorageOptions {
  /** Columns of a sample. @defaultValue all */
  readonly columns?: readonly string[];
}

/** A column of MDS shards. */
export interface MdsColumn {
  readonly name: string;
  /** MosaicML's name of the encoding: `int`, `str`, `ndarray:float32:2,3`. */
  readonly encoding: string;
}

/** Shards on a disk are opened together; those behind URLs, when they are read. */
type MdsRows = RecordFiles | RemoteShards;

interface MdsFormat {
  /** All columns of the shards, in order, with the size in bytes of those of fixed size. */
  readonly fields: readonly (MdsColumn & { readonly size: number | null })[];
  /** Names of the columns of a sample. */
  readonly chosen: readonly string[];
}

const schema = v.looseObject({ columns: v.optional(v.array(v.string())) });

/**
 * MosaicML's MDS shards, as written by `MDSWriter` of `mosaicml-streaming`. Images stay bytes; pickled columns are refused,
 * because unpickling can run code. Shards compressed with zstd, gzip, Brotli or Snappy are decompressed into memory, unless the
 * folder also holds them decompressed, as a cache of `StreamingDataset` does.
 */
export class MdsDataset<T = Readonly<Record<string, unknown>>> extends FileDataset<T, MdsRows, MdsFormat> {
  readonly columns: readonly MdsColumn[];

  readonly #checksumErrors: () => AsyncIterable<MillraceError>;
  /** All columns of the shards; those of a sample with their decoders. */
  readonly #decoders: readonly (MdsFormat['fields'][number] & { readonly decode: MdsDecoder | undefined })[];
  /** Number of columns of variable size. */
  readonly #varying: number;

  private constructor(
    records: MdsRows,
    format: MdsFormat,
    checksumErrors: () => AsyncIterable<MillraceError> = async function* () {},
  ) {
    super('MdsDataset', records, format);
    this.#checksumErrors = checksumErrors;
    this.#decoders = format.fields.map((field) => ({
      ...field,
      decode: format.chosen.includes(field.name) ? mdsDecoder(field.encoding) : undefined,
    }));
    this.#varying = format.fields.filter(({ size }) => size === null).length;
    const chosen = columnsNamed(format.chosen, format.fields);
    this.columns = chosen.map(({ name, encoding }) => ({ name, encoding }));
  }

  /**
   * Opens the shards that `index.json` lists. Behind a URL, this reads `index.json` alone: a shard is opened when its first sample is
   * read, and its samples are read by ranges. A damaged shard is then noticed when it is read.
   *
   * @param folder - A folder or its `index.json`, as a path or URL.
   * @throws {@link StorageError} if a file cannot be read; {@link FormatError} if a file is damaged or a column cannot be
   *   decoded; {@link ConfigError} for a column that is not there.
   */
  static async open<T = Readonly<Record<string, unknown>>>(
    folder: string | URL,
    options: MdsDatasetOptions = {},
  ): Promise<MdsDataset<T>> {
    const { columns, ...storage } = parseOptions('MdsDataset options', schema, options);
    const name = withPath(String(folder), (path) => path.replace(/\/?(index\.json)?$/, ''));
    const index = await openDataFile(
      withPath(name, (path) => `${path}/index.json`),
      storage,
    );
    const shards = await readMdsIndex(index).finally(() => index.close());
    const format = formatOf(shards[0]!, columns, index);
    if (isRemote(name)) {
      const remote = new RemoteShards({ folder: name, shards, options: storage });
      return new MdsDataset(remote, format, () => hashErrors(remote.sources()));
    }
    const sources = await allOpened(shards.map((shard) => openMdsShard(name, shard, storage)));
    const shardOf = new Map(sources.map((source, k) => [source, shards[k]!]));
    const bounds = (source: ByteSource) => readBounds(source, knownValue(shardOf, source));
    const records = await RecordFiles.open('MdsDataset', sources, bounds);
    return new MdsDataset(records, format, () => hashErrors(shardOf.entries()));
  }

  /** @throws {@link FormatError} if a value cannot be decoded. */
  get(index: number): MaybePromise<T> {
    return andThen(this.rows.bytes(index), (bytes) => this.#decode(asBuffer(bytes), index));
  }

  /** Yields an error for each shard that does not match a checksum of `index.json`. `millrace verify` calls it. */
  checksumErrors(): AsyncIterable<MillraceError> {
    return this.#checksumErrors();
  }

  protected override identity() {
    return { columns: this.settings.chosen };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<RecordFilesRecipe | RemoteShardsRecipe, MdsFormat>,
    make: MakeFromRecipe,
  ): Promise<MdsDataset<unknown>> {
    if ('folder' in rows) return new MdsDataset(new RemoteShards(rows), settings);
    return new MdsDataset(await RecordFiles.fromRecipe(rows, make), settings);
  }

  /** A sample is stored as the sizes of its columns of variable size, then the values of all columns. */
  #decode(bytes: Buffer, index: number): T {
    let nextSize = 0;
    let at = 4 * this.#varying;
    if (bytes.length < at) throw this.rows.damaged(index, 'ends in its sizes');
    const made: Record<string, unknown> = {};
    for (const { name, encoding, size, decode } of this.#decoders) {
      const end = at + (size ?? bytes.readUInt32LE(4 * nextSize++));
      if (end > bytes.length) throw this.rows.damaged(index, `ends in the column ${name}`);
      if (decode) {
        try {
          setOwn(made, name, decode(bytes.subarray(at, end)));
        } catch (cause) {
          const why = messageOf(cause);
          throw this.rows.damaged(index, `has a column ${name} that is not ${encoding}: ${why}`, cause);
        }
      }
      at = end;
    }
    if (at !== bytes.length) throw this.rows.damaged(index, `has ${bytes.length - at} bytes too many`);
    return made as T;
  }
}

function formatOf(
  { column_names, column_encodings, column_sizes }: MdsShard,
  columns: readonly string[] | undefined,
  index: ByteSource,
): MdsFormat {
  // The writer stores size 0 for a variable size.
  const fields = column_names.map((name, k) => ({
    name,
    encoding: column_encodings[k] ?? '',
    size: column_sizes[k] || null,
  }));
  const chosen = chooseColumns({ owner: 'MdsDataset' }, columns, column_names);
  const undecodable = fields.find(({ name, encoding }) => chosen.includes(name) && !mdsDecoder(encoding));
  if (!undecodable) return { fields, chosen };
  throw new FormatError(
    undecodable.encoding === 'pkl'
      ? `The column ${undecodable.name} has the encoding pkl: pickled objects are not read, because unpickling can run code`
      : `The column ${undecodable.name} has the encoding ${undecodable.encoding}, which cannot be read`,
    {
      where: { file: index.name },
      next: 'Choose other columns with { columns: […] }, or write the column with another encoding, such as json.',
    },
  );
}
