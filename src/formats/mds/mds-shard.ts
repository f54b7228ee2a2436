import { Buffer } from 'node:buffer';
import { createHash, getHashes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createBrotliDecompress } from 'node:zlib';
import { collectBytes } from '../../core/concat-bytes.js';
import { FormatError, MillraceError } from '../../core/errors.js';
import { isNode } from '../../core/platform.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { decompress } from '../../storage/decompress.js';
import { checkDecompressed } from '../../storage/decompressed-limit.js';
import type { KnownVersion } from '../../storage/listed-object.js';
import { localPath } from '../../storage/local-path.js';
import { withPath } from '../../storage/location-path.js';
import { MemorySource } from '../../storage/memory-source.js';
import { openSource } from '../../storage/open-source.js';
import { snappyLength, unsnappyInto } from '../../storage/snappy.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { truncated } from '../../storage/truncated.js';
import { isRemote, schemeOf } from '../../storage/url-scheme.js';
import type { MdsShard } from './mds-index.js';

/** Decompresses a shard. Must stop if the content exceeds `limit` bytes. */
type Decompressor = (packed: ByteSource, limit: number) => Promise<Uint8Array>;

const decompressors: ReadonlyMap<string, Decompressor> = new Map<string, Decompressor>([
  ['zstd', (packed, limit) => collected(packed, decompress(packed, 'zstd'), limit)],
  ['gz', (packed, limit) => collected(packed, decompress(packed, 'gzip'), limit)],
  ['br', (packed, limit) => collected(packed, unbrotli(packed), limit)],
  ['snappy', unsnappy],
]);

/**
 * Opens a shard: its decompressed file if present, otherwise the compressed one, which is decompressed into memory and verified
 * against its length and checksums.
 */
export async function openMdsShard(
  folder: string,
  shard: MdsShard,
  options: StorageOptions,
): Promise<ByteSource> {
  const { raw_data, zip_data, compression } = shard;
  const rawName = withPath(folder, (path) => `${path}/${raw_data.basename}`);
  const isThere = isNode && !isRemote(rawName) && existsSync(localPath(rawName));
  if (!zip_data || !compression || isThere)
    return checkLength(
      await openSource(rawName, options, knownVersion(rawName, raw_data.bytes, options)),
      raw_data.bytes,
    );
  const zipName = withPath(folder, (path) => `${path}/${zip_data.basename}`);
  const packed = checkLength(
    await openSource(zipName, options, knownVersion(zipName, zip_data.bytes, options)),
    zip_data.bytes,
  );
  try {
    checkDecompressed(raw_data.bytes, storageOptions(options).maxDecompressedBytes, { file: packed.name });
    const decompressor = decompressors.get(compression.split(':')[0]!);
    if (!decompressor) throw unsupported(packed, compression);
    const bytes = await decompressor(packed, raw_data.bytes);
    const source = new MemorySource(bytes, packed.name);
    for await (const error of mismatches(source, raw_data.hashes)) throw error;
    return checkLength(source, raw_data.bytes);
  } catch (cause) {
    if (cause instanceof MillraceError)
      throw 'file' in cause.where ? cause : cause.addLocation({ file: packed.name });
    throw new FormatError(`The ${compression} data is damaged or cut short: ${messageOf(cause)}`, {
      where: { file: packed.name },
      next: 'Copy or write the shard again.',
      cause,
    });
  } finally {
    packed.close();
  }
}

/** Yields an error for each shard that does not match a checksum of `index.json`. */
export async function* hashErrors(
  shards: Iterable<readonly [ByteSource, MdsShard]> | AsyncIterable<readonly [ByteSource, MdsShard]>,
): AsyncGenerator<FormatError> {
  for await (const [source, { raw_data }] of shards) yield* mismatches(source, raw_data.hashes);
}

/** Checksums of algorithms that Node.js lacks (xxHash) are skipped. */
async function* mismatches(
  source: ByteSource,
  hashes: Readonly<Record<string, string>>,
): AsyncGenerator<FormatError> {
  for (const [name, wanted] of Object.entries(hashes)) {
    const algorithm =
      name === 'blake2b' ? 'blake2b512' : name.replace('blake2s', 'blake2s256').replace('_', '-');
    if (!isNode || !getHashes().includes(algorithm)) continue;
    const hash = createHash(algorithm);
    for await (const piece of source.stream()) hash.update(piece);
    if (hash.digest('hex') === wanted) continue;
    yield new FormatError(`The shard does not match its ${name} checksum`, {
      where: { file: source.name },
      next: 'Copy or write the shard again.',
    });
  }
}

function collected(
  packed: ByteSource,
  pieces: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<Uint8Array> {
  return collectBytes(pieces, (length) => {
    if (length > limit) throw tooLong(packed, limit);
  });
}

async function* unbrotli(packed: ByteSource): AsyncGenerator<Uint8Array> {
  const input = Readable.from(packed.stream());
  const output = input.pipe(createBrotliDecompress());
  // A pipe does not forward errors.
  input.on('error', (error) => output.destroy(error));
  yield* output;
}

/** Raw Snappy, as `python-snappy` writes it: the first bytes hold the length of the content. */
async function unsnappy(packed: ByteSource, limit: number): Promise<Uint8Array> {
  const bytes = await packed.read(0, packed.byteLength);
  const { length } = snappyLength(bytes);
  if (length > limit) throw tooLong(packed, limit);
  const content = new Uint8Array(length);
  unsnappyInto(bytes, content);
  return content;
}

/**
 * The version of a shard, so that opening it needs no request: `index.json` has its length. But whether a server of files (`http:`) serves
 * ranges shows only in a response, and a cache needs the `ETag`.
 */
function knownVersion(name: string, byteLength: number, { cache }: StorageOptions): KnownVersion | undefined {
  if (cache) return undefined;
  return /^https?$/.test(schemeOf(name) ?? '') ? undefined : { byteLength };
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

function tooLong(packed: ByteSource, bytes: number): FormatError {
  return new FormatError(`The shard has more than the ${bytes} bytes that index.json says`, {
    where: { file: packed.name },
    next: 'Copy the folder again: shards and index.json belong together.',
  });
}

function unsupported(packed: ByteSource, compression: string): FormatError {
  return new FormatError(`The shard is compressed with ${compression}, which cannot be read`, {
    where: { file: packed.name },
    next: "Write the shards with compression='zstd', or without.",
  });
}

/** Reads the table at the start of a shard: the number of samples, the offset of each, and the end of the last one. */
export async function readBounds(source: ByteSource, { samples }: MdsShard): Promise<Float64Array> {
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
