import { Header, Pax } from 'tar';
import { FormatError, MillraceError } from '../../core/errors.js';
import { messageOf } from '../../core/thrown.js';
import { compressionOfContent } from '../../storage/decompress.js';
import { truncated } from '../../storage/truncated.js';
import { asBuffer } from '../records/as-buffer.js';
import type { RecordReader } from '../records/record-reader.js';

/** A file in a tar archive: bytes `start … end - 1`. */
export interface TarMember {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Offset of the next header. */
  readonly next: number;
}

const blockBytes = 512;
/** Most bytes of a pax header; a larger size is damage. */
const longestNames = 2 ** 20;

/** Padding after the end-of-archive blocks is searched for another archive up to this many bytes. */
const longestPadding = 2 ** 21;

/**
 * The next file of a tar archive: POSIX (ustar and pax) or GNU. Skips folders, links, devices and labels. A header of unknown
 * type is a file, as POSIX requires.
 *
 * @returns `undefined` at the end-of-archive blocks.
 * @throws {@link FormatError} if a header is damaged, a file is stored in an unsupported way, or another archive follows;
 *   {@link TruncatedFileError} if the archive has no end-of-archive blocks.
 */
export async function nextTarMember(reader: RecordReader, from: number): Promise<TarMember | undefined> {
  const { source } = reader;
  let longName: string | undefined;
  let pax: Pax | undefined;
  let isSparse = false;
  for (let at = from; ; ) {
    const header = await readHeader(reader, at, pax);
    if (header.nullBlock) {
      await checkEnd(reader, at + blockBytes);
      return undefined;
    }
    if (!header.cksumValid) throw at === 0 ? await notTar(reader) : damaged(source.name, at);
    const { size } = header;
    if (size === undefined || !Number.isSafeInteger(size)) throw damaged(source.name, at, 'has no size');
    const start = at + blockBytes;
    const end = start + size;
    if (end > source.byteLength) throw truncated(source.name, start, size, source.byteLength - start);
    const next = start + Math.ceil(size / blockBytes) * blockBytes;
    switch (header.type) {
      case 'File':
      case 'OldFile':
      case 'ContiguousFile':
      case 'Unsupported': {
        // A long name replaces the part of it in the header.
        const name = longName ?? pax?.path ?? header.path ?? '';
        if (isSparse) throw unsupported(source.name, at, name, 'a sparse file', 'without --sparse');
        return { name, start, end, next };
      }
      case 'SparseFile':
        throw unsupported(
          source.name,
          at,
          longName ?? header.path ?? '',
          'a sparse file',
          'without --sparse',
        );
      case 'ContinuationFile':
        throw unsupported(
          source.name,
          at,
          header.path ?? '',
          "the rest of another archive's file",
          'as one volume',
        );
      case 'ExtendedHeader':
      case 'OldExtendedHeader':
      case 'NextFileHasLongPath':
      case 'OldGnuLongPath': {
        if (size > longestNames) throw damaged(source.name, at, 'has a name that is too long');
        const text = asBuffer(await reader.read(start, end)).toString('utf8');
        if (header.type === 'NextFileHasLongPath' || header.type === 'OldGnuLongPath')
          longName = text.replace(/\0.*$/s, '');
        else {
          pax = Pax.parse(text);
          isSparse = /^\d+ GNU\.sparse\./m.test(text);
        }
        break;
      }
      default:
        // A pax header applies to the next entry only.
        if (header.type !== 'GlobalExtendedHeader' && header.type !== 'NextFileHasLongLinkpath') {
          longName = undefined;
          pax = undefined;
          isSparse = false;
        }
    }
    at = next;
  }
}

async function readHeader(reader: RecordReader, at: number, pax?: Pax): Promise<Header> {
  const { source } = reader;
  if (at + blockBytes > source.byteLength)
    throw truncated(source.name, at, blockBytes, Math.max(0, source.byteLength - at));
  const block = asBuffer(await reader.read(at, at + blockBytes));
  try {
    return new Header(block, 0, pax);
  } catch (cause) {
    // A browser has no tar.
    if (cause instanceof MillraceError) throw cause;
    // The package tar throws plain errors for malformed numbers.
    throw damaged(source.name, at, `cannot be read: ${messageOf(cause)}`, cause);
  }
}

/**
 * Readers stop at the first block of zeros. If it is damage, or if archives were concatenated, the files after it would be lost
 * silently.
 */
async function checkEnd(reader: RecordReader, from: number): Promise<void> {
  const { source } = reader;
  const last = Math.min(source.byteLength, from + longestPadding);
  for (let at = from; at + blockBytes <= last; at += blockBytes) {
    const block = asBuffer(await reader.read(at, at + blockBytes));
    if (block.every((byte) => byte === 0)) continue;
    const isHeader = await readHeader(reader, at).then(
      ({ cksumValid }) => cksumValid,
      () => false,
    );
    if (!isHeader) return;
    throw new FormatError('More files follow the end of the tar archive', {
      where: { file: source.name, byteOffset: at },
      next: 'The archive is damaged, or several were concatenated: join them with tar --concatenate.',
    });
  }
}

async function notTar(reader: RecordReader): Promise<FormatError> {
  const head = asBuffer(await reader.read(0, blockBytes));
  const compression = compressionOfContent(head);
  return compression === undefined
    ? damaged(reader.source.name, 0)
    : new FormatError(`The file is not a tar archive but ${compression} data`, {
        where: { file: reader.source.name, byteOffset: 0 },
        next: `Name it .tar.${compression === 'gzip' ? 'gz' : 'zst'} if it is a compressed tar archive.`,
      });
}

function damaged(
  file: string,
  byteOffset: number,
  why = 'does not match its checksum',
  cause?: unknown,
): FormatError {
  return new FormatError(`The tar archive is damaged: a header ${why}`, {
    where: { file, byteOffset },
    next: 'Copy or write the file again.',
    cause,
  });
}

function unsupported(file: string, byteOffset: number, name: string, what: string, how: string): FormatError {
  return new FormatError(`${JSON.stringify(name)} is stored as ${what}, which Millrace does not read`, {
    where: { file, byteOffset },
    next: `Write the archive again ${how}.`,
  });
}
