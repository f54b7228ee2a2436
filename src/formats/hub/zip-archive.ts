import { Buffer } from 'node:buffer';
import { crc32, inflateRawSync } from 'node:zlib';
import { FormatError } from '../../core/errors.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { checkDecompressed } from '../../storage/decompressed-limit.js';
import { zipDirectory } from '../arrays/zip-entries.js';

/** A file in a zip archive, and where it is: plain data that a worker can receive. */
export interface ZipMember {
  /** The path in the archive. */
  readonly path: string;
  /** Offset of its local header. */
  readonly offset: number;
  readonly packedBytes: number;
  readonly byteLength: number;
  readonly isDeflated: boolean;
  readonly crc: number;
}

/**
 * The files of a zip archive, in the order in which Hugging Face `datasets` walks the extracted folders: the files of a folder by name,
 * then its folders. Hidden files and those of tools (`__MACOSX`) are left out. Reads the directory of the archive.
 *
 * @throws {@link FormatError} if the archive is damaged or has an encrypted file.
 */
export async function zipMembers(source: ByteSource): Promise<ZipMember[]> {
  const entries = await zipDirectory(source);
  return entries
    .filter(({ fileName }) => !fileName.endsWith('/') && !/(^|\/)(\.|__)/.test(fileName))
    .map((entry) => {
      if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
        throw damaged(source, `${entry.fileName} uses a compression that is not supported`);
      if (entry.isEncrypted()) throw damaged(source, `${entry.fileName} is encrypted`);
      return {
        path: entry.fileName,
        offset: entry.relativeOffsetOfLocalHeader,
        packedBytes: entry.compressedSize,
        byteLength: entry.uncompressedSize,
        isDeflated: entry.compressionMethod === 8,
        crc: entry.crc32,
      };
    })
    .sort((a, b) => byFolders(a.path, b.path));
}

function byFolders(a: string, b: string): number {
  const [first, second] = [a.split('/'), b.split('/')];
  for (let k = 0; ; k++) {
    const isFile = [k === first.length - 1, k === second.length - 1] as const;
    if (isFile[0] !== isFile[1]) return isFile[0] ? -1 : 1;
    if (first[k] !== second[k]) return first[k]! < second[k]! ? -1 : 1;
    if (isFile[0]) return 0;
  }
}

const headerBytes = 30;
/** Room for the extra field of a local header, which may be longer than that of the directory. */
const usualExtra = 128;

/**
 * The bytes of a file in an archive, decompressed and verified by its checksum. One request, or two if its header is unusually long.
 *
 * @param limit - Most bytes of the file.
 * @throws {@link FormatError} if it is damaged or larger.
 */
export async function readZipMember(
  source: ByteSource,
  member: ZipMember,
  limit: number,
): Promise<Uint8Array> {
  const { path, offset, packedBytes, byteLength, isDeflated, crc } = member;
  checkDecompressed(byteLength, limit, { file: `${source.name}/${path}` });
  const guess = offset + headerBytes + Buffer.byteLength(path) + usualExtra + packedBytes;
  if (offset + headerBytes + packedBytes > source.byteLength)
    throw damaged(source, `${path} lies outside of it`);
  const read = await source.read(offset, Math.min(source.byteLength, guess));
  const view = new DataView(read.buffer, read.byteOffset, read.byteLength);
  if (view.getUint32(0, true) !== 0x04034b50)
    throw damaged(source, `${path} is not where its directory says`);
  const start = headerBytes + view.getUint16(26, true) + view.getUint16(28, true);
  const isWhole = start + packedBytes <= read.length;
  if (!isWhole && offset + start + packedBytes > source.byteLength)
    throw damaged(source, `${path} lies outside of it`);
  const packed = isWhole
    ? read.subarray(start, start + packedBytes)
    : await source.read(offset + start, offset + start + packedBytes);
  let bytes: Uint8Array = packed;
  try {
    // One more byte than declared, so that a longer file is noticed.
    if (isDeflated) bytes = inflateRawSync(packed, { maxOutputLength: byteLength + 1 });
  } catch (cause) {
    throw damaged(source, `${path} cannot be decompressed: ${messageOf(cause)}`, cause);
  }
  if (bytes.length !== byteLength || crc32(bytes) !== crc)
    throw damaged(source, `the checksum of ${path} does not match`);
  // Not `slice`, which shares memory if the array is a Buffer.
  return new Uint8Array(bytes);
}

function damaged(source: ByteSource, why: string, cause?: unknown): FormatError {
  return new FormatError(`The zip archive is damaged: ${why}`, {
    where: { file: source.name },
    next: 'Copy or write the file again.',
    cause,
  });
}
