import { keepZstdDecoder, takeZstdDecoder } from '../../storage/zstd.js';
import { Pace } from './pace.js';

/**
 * Decompresses frames whose content has a known length, yielding to the event loop if they are long.
 *
 * @throws Error if they are damaged or have another length
 */
export async function decompressZstd(input: Uint8Array, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  const pace = new Pace();
  const decoder = takeZstdDecoder();
  const content = new Uint8Array(length);
  let end = 0;
  for (const piece of decoder.decode(input)) {
    if (piece.length > length - end) throw new Error(`the zstd data has more than ${length} bytes`);
    content.set(piece, end);
    end += piece.length;
    await pace.rest();
  }
  decoder.end();
  if (end !== length) throw new Error(`the zstd data has ${end} bytes, not ${length}`);
  keepZstdDecoder(decoder);
  return content;
}
