import { ZstdDecoder } from '../../storage/zstd.js';
import { Pace } from './pace.js';

/** A decoder that no one uses: each has WebAssembly memory of its own, which takes longer to make than a page to decode. */
let idle: ZstdDecoder | undefined;

/**
 * Decompresses frames whose content has a known length. Long ones give way to other events.
 *
 * @throws Error where they are damaged or have another length
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
  // After damage it is not used again.
  idle = decoder;
  return content;
}
