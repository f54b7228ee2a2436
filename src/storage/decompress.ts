import { collectBytes } from '../core/concat-bytes.js';
import { FormatError, MillraceError } from '../core/errors.js';
import { messageOf } from '../core/thrown.js';
import type { ByteSource } from './byte-source.js';
import { checkDecompressed } from './decompressed-limit.js';
import { gunzip } from './gunzip.js';
import { locationPath } from './location-path.js';

/** Compression of a whole file. */
export type Compression = 'gzip' | 'zstd';

const endings: Readonly<Record<string, Compression>> = { '.gz': 'gzip', '.zst': 'zstd', '.zstd': 'zstd' };

/** Endings of compressed tar archives. */
const tarEndings: Readonly<Record<string, Compression>> = { '.tgz': 'gzip', '.tzst': 'zstd' };

/** The compression that the ending of a name stands for; for a URL, the ending of its path. `inner` is the path without it. */
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

/** The path of a location in lower case, without the ending of a compression, so that its ending names the format. */
export function contentName(location: string): string {
  return (compressionOf(location)?.inner ?? locationPath(location)).toLowerCase();
}

/** The compression that the first bytes of a file stand for. */
export function compressionOfContent(head: Uint8Array): Compression | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  return undefined;
}

/**
 * Decompresses a file, chunk by chunk. Several members or frames make one content. Checksums are verified.
 *
 * @throws {@link FormatError} if the data is damaged or truncated.
 */
export async function* decompress(source: ByteSource, compression: Compression): AsyncGenerator<Uint8Array> {
  try {
    yield* compression === 'gzip' ? gunzip(source) : unzstd(source);
  } catch (cause) {
    if (cause instanceof MillraceError)
      throw 'file' in cause.where ? cause : cause.addLocation({ file: source.name });
    throw new FormatError(`The ${compression} data is damaged or cut short: ${messageOf(cause)}`, {
      where: { file: source.name },
      next: 'Copy or compress the file again.',
      cause,
    });
  }
}

/**
 * Decompresses a whole file into memory.
 *
 * @param limit - Most bytes of content, and of memory.
 * @throws {@link FormatError} if the data is damaged, truncated, or larger than the limit.
 */
export async function decompressInMemory(
  source: ByteSource,
  compression: Compression,
  limit: number,
): Promise<Uint8Array> {
  return collectBytes(decompress(source, compression), (length) =>
    checkDecompressed(length, limit, { file: source.name }),
  );
}

async function* unzstd(source: ByteSource): AsyncGenerator<Uint8Array> {
  const { keepZstdDecoder, takeZstdDecoder } = await import('./zstd.js');
  const decoder = takeZstdDecoder();
  for await (const piece of source.stream()) yield* decoder.decode(piece);
  decoder.end();
  keepZstdDecoder(decoder);
}
