import { FormatError } from '../../core/errors.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { checkDecompressed } from '../../storage/decompressed-limit.js';
import { MemorySource } from '../../storage/memory-source.js';

/**
 * The text of a file in UTF-8. A file that begins with the byte order mark of UTF-16 is converted in memory; any other is returned as it
 * is.
 *
 * @param limit - The most bytes that the converted text may have.
 * @throws {@link FormatError} if the file is not valid UTF-16 or its text exceeds the limit
 */
export async function utf8Source(source: ByteSource, limit: number): Promise<ByteSource> {
  const [first, second, third, fourth] = await source.read(0, Math.min(4, source.byteLength));
  const isLittle = first === 0xff && second === 0xfe && !(third === 0 && fourth === 0);
  const isBig = first === 0xfe && second === 0xff;
  if (!isLittle && !isBig) return source;
  // A character of two bytes takes up to three in UTF-8.
  checkDecompressed(source.byteLength, limit, { file: source.name });
  try {
    const bytes = (await source.read(2, source.byteLength)).slice();
    if (isBig) Buffer.from(bytes.buffer).swap16();
    const text = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true }).decode(bytes);
    const converted = new TextEncoder().encode(text);
    checkDecompressed(converted.length, limit, { file: source.name });
    return new MemorySource(converted, source.name);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError('The file is not the UTF-16 that its byte order mark says', {
      where: { file: source.name, byteOffset: 0 },
      next: 'Copy or write the file again.',
      cause,
    });
  } finally {
    source.close();
  }
}
