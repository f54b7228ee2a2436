import { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { FormatError, MillraceError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { checkDecompressed } from '../../storage/decompressed-limit.js';
import { MemorySource } from '../../storage/memory-source.js';

/** Most bytes that deflate makes of one byte. */
const largestRatio = 1032;
/** Bytes that are read at once for a checksum. */
const pieceBytes = 2 ** 22;

/**
 * A file in a zip archive: bytes `start … end - 1` of a source, which is the archive itself if the file is stored uncompressed.
 */
export interface ZipEntry {
  readonly name: string;
  readonly source: ByteSource;
  readonly start: number;
  readonly end: number;
  /** The CRC-32 of an entry that is read in place and has not been verified. */
  readonly uncheckedCrc?: number;
}

class SourceReader extends yauzl.RandomAccessReader {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    super();
    this.#source = source;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const { byteLength } = this.#source;
    return Readable.from(this.#pieces(start, Math.min(end, byteLength)));
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Uint8Array> {
    if (end > start) yield await this.#source.read(start, end);
  }
}

/**
 * Reads the chosen entries of a zip archive. Compressed entries are decompressed into memory and verified by CRC; others are
 * read in place.
 *
 * @param limit - Most bytes of all decompressed entries together.
 * @throws {@link FormatError} if the archive is damaged.
 */
export async function readZipEntries(
  source: ByteSource,
  limit: number,
  isWanted: (name: string) => boolean,
): Promise<ZipEntry[]> {
  try {
    const zip = await openZip(source);
    const all = await listEntries(zip);
    const starts = new Map<yauzl.Entry, number>();
    for (const entry of all) starts.set(entry, await dataStart(source, zip, entry));
    const wanted = all.filter(({ fileName }) => isWanted(fileName));
    const packed = wanted.filter(({ compressionMethod }) => compressionMethod !== 0);
    checkDecompressed(
      packed.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0),
      limit,
      { file: source.name },
    );
    const entries: ZipEntry[] = [];
    for (const entry of wanted) entries.push(await readEntry(source, zip, entry, knownValue(starts, entry)));
    return entries;
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw damaged(source, messageOf(cause), cause);
  }
}

/** All entries of a zip archive, in the order of its directory. @throws {@link FormatError} if the archive is damaged. */
export async function zipDirectory(source: ByteSource): Promise<yauzl.Entry[]> {
  try {
    return await listEntries(await openZip(source));
  } catch (cause) {
    throw cause instanceof MillraceError ? cause : damaged(source, messageOf(cause), cause);
  }
}

function openZip(source: ByteSource): Promise<yauzl.ZipFile> {
  const open = promisify<yauzl.RandomAccessReader, number, yauzl.Options, yauzl.ZipFile>(
    yauzl.fromRandomAccessReader,
  );
  return open(new SourceReader(source), source.byteLength, { lazyEntries: true, autoClose: false });
}

/** Yields an error for each entry that is read in place and does not match its CRC. */
export async function* crcErrors(entries: readonly ZipEntry[]): AsyncGenerator<FormatError> {
  for (const { name, source, start, end, uncheckedCrc } of entries) {
    if (uncheckedCrc === undefined) continue;
    let crc = 0;
    for (let at = start; at < end; at += pieceBytes)
      crc = crc32(await source.read(at, Math.min(end, at + pieceBytes)), crc);
    if (crc !== uncheckedCrc) yield damaged(source, `the checksum of ${name} does not match`);
  }
}

function listEntries(zip: yauzl.ZipFile): Promise<yauzl.Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: yauzl.Entry[] = [];
    zip.on('entry', (entry: yauzl.Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.on('end', () => resolve(entries));
    zip.on('error', reject);
    zip.readEntry();
  });
}

/**
 * Offset of an entry's bytes. The directory and the local header must agree on the name: no checksum covers the directory, and
 * an array with a damaged name would be skipped.
 */
async function dataStart(source: ByteSource, zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<number> {
  const readHeader = promisify<yauzl.Entry, yauzl.LocalFileHeader>(zip.readLocalFileHeader.bind(zip));
  const header = await readHeader(entry);
  if (Buffer.compare(header.fileName, entry.fileNameRaw) !== 0)
    throw damaged(
      source,
      `its directory has the name ${JSON.stringify(entry.fileName)} for an entry whose own header has another`,
    );
  return header.fileDataStart;
}

async function readEntry(
  source: ByteSource,
  zip: yauzl.ZipFile,
  entry: yauzl.Entry,
  start: number,
): Promise<ZipEntry> {
  const { fileName: name, uncompressedSize, compressedSize, crc32: crc } = entry;
  const inFile = `${source.name}/${name}`;
  if (entry.compressionMethod === 0) {
    const end = start + uncompressedSize;
    if (compressedSize !== uncompressedSize || end > source.byteLength)
      throw damaged(source, `${name} would have ${uncompressedSize} bytes`);
    return { name, source, start, end, uncheckedCrc: crc };
  }
  if (uncompressedSize > largestRatio * compressedSize + largestRatio || compressedSize > source.byteLength)
    throw damaged(source, `${name} would have ${uncompressedSize} bytes`);
  const openStream = promisify<yauzl.Entry, Readable>(zip.openReadStream.bind(zip));
  const bytes = await buffer(await openStream(entry));
  if (crc32(bytes) !== crc) throw damaged(source, `the checksum of ${name} does not match`);
  return { name, source: new MemorySource(bytes, inFile), start: 0, end: bytes.length };
}

function damaged(source: ByteSource, why: string, cause?: unknown): FormatError {
  return new FormatError(`The zip archive is damaged: ${why}`, {
    where: { file: source.name },
    next: 'Copy or write the file again.',
    cause,
  });
}
