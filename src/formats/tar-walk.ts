import { Header, Pax } from 'tar';
import { FormatError } from '../core/errors.js';
import { truncated } from '../storage/truncated.js';
import { asBuffer } from './as-buffer.js';
import type { RecordReader } from './record-reader.js';

/** A file in a tar archive: bytes `start … end - 1`. */
export interface TarMember {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Where the next header is. */
  readonly next: number;
}

const blockBytes = 512;
/** Names and attributes of one file; more would be a damaged size. */
const longestNames = 2 ** 20;

/**
 * The next file of a tar archive from a header on: POSIX (ustar and pax) or GNU. Folders, links and devices are passed over.
 *
 * @returns `undefined` at the mark of the end.
 * @throws {@link FormatError} where a header's checksum does not match; {@link TruncatedFileError} where the archive ends without its mark.
 */
export async function nextTarMember(reader: RecordReader, from: number): Promise<TarMember | undefined> {
  const { source } = reader;
  let longName: string | undefined;
  let pax: Pax | undefined;
  for (let at = from; ; ) {
    if (at + blockBytes > source.byteLength)
      throw truncated(source.name, at, blockBytes, Math.max(0, source.byteLength - at));
    const header = new Header(asBuffer(await reader.read(at, at + blockBytes)), 0, pax);
    if (header.nullBlock) return undefined;
    if (!header.cksumValid || header.size === undefined || header.size < 0) throw damaged(source.name, at);
    const start = at + blockBytes;
    const end = start + header.size;
    if (end > source.byteLength) throw truncated(source.name, start, header.size, source.byteLength - start);
    const next = start + Math.ceil(header.size / blockBytes) * blockBytes;
    switch (header.type) {
      case 'File':
      case 'OldFile':
      case 'ContiguousFile':
        // Where the header has a part of a long name, too, the whole one counts.
        return { name: longName ?? pax?.path ?? header.path ?? '', start, end, next };
      case 'ExtendedHeader':
      case 'OldExtendedHeader':
      case 'NextFileHasLongPath': {
        if (header.size > longestNames) throw damaged(source.name, at);
        const text = asBuffer(await reader.read(start, end)).toString('utf8');
        if (header.type === 'NextFileHasLongPath') longName = text.replace(/\0.*$/s, '');
        else pax = Pax.parse(text);
        break;
      }
      default:
        // What is said of the next file is not said of the one after a folder or link.
        if (header.type !== 'GlobalExtendedHeader' && header.type !== 'NextFileHasLongLinkpath') {
          longName = undefined;
          pax = undefined;
        }
    }
    at = next;
  }
}

function damaged(file: string, byteOffset: number): FormatError {
  return new FormatError('The tar archive is damaged: a header does not match its checksum', {
    where: { file, byteOffset },
    next: 'Copy or write the file again.',
  });
}
