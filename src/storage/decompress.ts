import { Decompress } from 'fzstd';
import { FormatError, MillraceError } from '../core/errors.js';
import type { ByteSource } from './byte-source.js';
import { gunzip } from './gunzip.js';
import { locationPath } from './location-path.js';

/** How a file is compressed as a whole. */
export type Compression = 'gzip' | 'zstd';

const endings: Readonly<Record<string, Compression>> = { '.gz': 'gzip', '.zst': 'zstd', '.zstd': 'zstd' };

/** What the ending of a name says of its compression; of a URL, the ending of its path. `inner` is the path without it. */
export function compressionOf(
  name: string,
): { readonly compression: Compression; readonly inner: string } | undefined {
  const path = locationPath(name);
  const ending = Object.keys(endings).find((candidate) => path.toLowerCase().endsWith(candidate));
  return ending === undefined
    ? undefined
    : { compression: endings[ending]!, inner: path.slice(0, -ending.length) };
}

/** The path of a location in lower case, without the ending that says how it is compressed: its ending says the format. */
export function contentName(location: string): string {
  return (compressionOf(location)?.inner ?? locationPath(location)).toLowerCase();
}

/**
 * The content of a compressed file, piece by piece; several parts one behind the other are one content.
 *
 * @throws {@link FormatError} where it is damaged or cut short.
 */
export async function* decompress(source: ByteSource, compression: Compression): AsyncGenerator<Uint8Array> {
  try {
    yield* compression === 'gzip' ? gunzip(source.stream()) : unzstd(source);
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new FormatError(`The ${compression} data is damaged or cut short: ${(cause as Error).message}`, {
      where: { file: source.name },
      next: 'Copy or compress the file again.',
      cause,
    });
  }
}

async function* unzstd(source: ByteSource): AsyncGenerator<Uint8Array> {
  const made: Uint8Array[] = [];
  let ended = false;
  const decompressor = new Decompress((piece, isLast) => {
    made.push(piece);
    ended = isLast === true;
  });
  let last: Uint8Array | undefined;
  for await (const piece of source.stream()) {
    if (last) decompressor.push(last);
    last = piece;
    yield* made.splice(0);
  }
  decompressor.push(last ?? new Uint8Array(0), true);
  yield* made.splice(0);
  if (!ended) throw new Error('it ends too early');
}
