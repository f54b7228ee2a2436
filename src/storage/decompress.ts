import { FormatError, MillraceError } from '../core/errors.js';
import type { ByteSource } from './byte-source.js';
import { checkDecompressed } from './decompressed-limit.js';
import { gunzip } from './gunzip.js';
import { locationPath } from './location-path.js';

/** How a file is compressed as a whole. */
export type Compression = 'gzip' | 'zstd';

const endings: Readonly<Record<string, Compression>> = { '.gz': 'gzip', '.zst': 'zstd', '.zstd': 'zstd' };

/** Endings of tar archives that are compressed as a whole. */
const tarEndings: Readonly<Record<string, Compression>> = { '.tgz': 'gzip', '.tzst': 'zstd' };

/** What the ending of a name says of its compression; of a URL, the ending of its path. `inner` is the path without it. */
export function compressionOf(
  name: string,
): { readonly compression: Compression; readonly inner: string } | undefined {
  const path = locationPath(name);
  const lower = path.toLowerCase();
  for (const [ending, compression] of Object.entries(endings))
    if (lower.endsWith(ending)) return { compression, inner: path.slice(0, -ending.length) };
  for (const [ending, compression] of Object.entries(tarEndings))
    if (lower.endsWith(ending)) return { compression, inner: `${path.slice(0, -ending.length)}.tar` };
  return undefined;
}

/** The path of a location in lower case, without the ending that says how it is compressed: its ending says the format. */
export function contentName(location: string): string {
  return (compressionOf(location)?.inner ?? locationPath(location)).toLowerCase();
}

/** What the first bytes of a file say of its compression, whatever its name is. */
export function compressionOfContent(head: Uint8Array): Compression | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  return undefined;
}

/**
 * The content of a compressed file, piece by piece; several parts one behind the other are one content. Checksums are checked.
 *
 * @throws {@link FormatError} where it is damaged or cut short.
 */
export async function* decompress(source: ByteSource, compression: Compression): AsyncGenerator<Uint8Array> {
  try {
    yield* compression === 'gzip' ? gunzip(source) : unzstd(source);
  } catch (cause) {
    if (cause instanceof MillraceError)
      throw 'file' in cause.where ? cause : cause.addLocation({ file: source.name });
    throw new FormatError(`The ${compression} data is damaged or cut short: ${(cause as Error).message}`, {
      where: { file: source.name },
      next: 'Copy or compress the file again.',
      cause,
    });
  }
}

/**
 * The whole content of a compressed file.
 *
 * @param limit - Most bytes that it may have: no more memory is taken.
 * @throws {@link FormatError} where it is damaged, cut short, or larger than the limit.
 */
export async function decompressInMemory(
  source: ByteSource,
  compression: Compression,
  limit: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of decompress(source, compression)) {
    length += piece.length;
    checkDecompressed(length, limit, { file: source.name });
    pieces.push(piece);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces.splice(0)) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

async function* unzstd(source: ByteSource): AsyncGenerator<Uint8Array> {
  const { ZstdDecoder } = await import('./zstd.js');
  const decoder = new ZstdDecoder();
  for await (const piece of source.stream()) yield* decoder.decode(piece);
  decoder.end();
}
