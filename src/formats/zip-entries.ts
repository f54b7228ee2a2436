import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { FormatError, MillraceError } from '../core/errors.js';
import type { ByteSource } from '../storage/byte-source.js';
import { MemorySource } from '../storage/memory-source.js';

/** A file in a zip archive: bytes `start … end - 1` of a source, the archive itself where it is stored as it is. */
export interface ZipEntry {
  readonly name: string;
  readonly source: ByteSource;
  readonly start: number;
  readonly end: number;
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
 * The entries of a zip archive with the names that are asked for. What is compressed is decompressed into memory and checked against
 * its CRC; what is not is read in place.
 *
 * @throws {@link FormatError} when the archive is damaged.
 */
export async function readZipEntries(
  source: ByteSource,
  isWanted: (name: string) => boolean,
): Promise<ZipEntry[]> {
  try {
    const open = promisify<yauzl.RandomAccessReader, number, yauzl.Options, yauzl.ZipFile>(
      yauzl.fromRandomAccessReader,
    );
    const zip = await open(new SourceReader(source), source.byteLength, {
      lazyEntries: true,
      autoClose: false,
    });
    const entries = await listEntries(zip);
    return await Promise.all(
      entries.filter(({ fileName }) => isWanted(fileName)).map((entry) => readEntry(source, zip, entry)),
    );
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw damaged(source, (cause as Error).message, cause);
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

async function readEntry(source: ByteSource, zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<ZipEntry> {
  const { fileName: name } = entry;
  if (entry.compressionMethod === 0) {
    const readHeader = promisify<yauzl.Entry, { minimal: true }, { fileDataStart: number }>(
      zip.readLocalFileHeader.bind(zip),
    );
    const { fileDataStart: start } = await readHeader(entry, { minimal: true });
    return { name, source, start, end: start + entry.uncompressedSize };
  }
  const openStream = promisify<yauzl.Entry, Readable>(zip.openReadStream.bind(zip));
  const bytes = await buffer(await openStream(entry));
  if (crc32(bytes) !== entry.crc32) throw damaged(source, `the checksum of ${name} does not match`);
  return { name, source: new MemorySource(bytes, `${source.name}/${name}`), start: 0, end: bytes.length };
}

function damaged(source: ByteSource, why: string, cause?: unknown): FormatError {
  return new FormatError(`The zip archive is damaged: ${why}`, {
    where: { file: source.name },
    next: 'Copy or write the file again.',
    cause,
  });
}
