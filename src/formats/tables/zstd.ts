import { ZstdDecoder } from '../../storage/zstd.js';
import { Pace } from './pace.js';

/** An idle decoder. Each owns WebAssembly memory, which takes longer to create than a page to decode. */
let idle: ZstdDecoder | undefined;

/**
 * Decompresses frames whose content has a known length, yielding to the event loop if they are long.
 *
 * @throws Error if they are damaged or have another length
 */
export async function decompressZstd(input: Uint8Array, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  const pace = new Pace();
  const decoder = idle ?? new ZstdDecoder();
  idle = undefined;
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
  // A decoder is not reused after damage.
  idle = decoder;
  return content;
}
