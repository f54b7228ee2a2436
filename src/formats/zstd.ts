import { ZSTDDecoder } from 'zstddec';

// Zstandard's own decoder, compiled to WebAssembly: it checks the checksum of a frame, and it ends on damaged data. fzstd does neither:
// a Huffman table whose states consume no bits makes it loop for ever.
const decoder = new ZSTDDecoder();
const ready = new WeakMap<ZSTDDecoder, Promise<void>>();

/** What the decoder's memory can hold besides itself. Where an allocation fails, zstddec would write to address 0. */
const maxBytes = 1.75 * 2 ** 30;

/**
 * Decompresses frames whose content has a known length.
 *
 * @throws Error where they are damaged or have another length
 */
export async function decompressZstd(input: Uint8Array, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  if (input.length + length > maxBytes) throw new Error(`zstd data of ${length} bytes is too long to decode`);
  let starting = ready.get(decoder);
  if (!starting) {
    starting = decoder.init();
    ready.set(decoder, starting);
  }
  await starting;
  const content = decoder.decode(input, length);
  // Where it is damaged, what comes out is empty.
  if (content.length !== length) throw new Error('the zstd data is damaged');
  return content;
}
