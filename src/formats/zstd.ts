import type { ZSTDDecoder } from 'zstddec';

/** What the decoder's memory can hold besides itself. Where an allocation fails, zstddec would write to address 0. */
const maxBytes = 1.75 * 2 ** 30;

let loading: Promise<ZSTDDecoder> | undefined;

/**
 * Decompresses frames whose content has a known length, with Zstandard's own decoder, compiled to WebAssembly: it checks the checksum of
 * a frame, and it ends on damaged data. fzstd does neither: a Huffman table whose states take no bits makes it loop for ever.
 *
 * @throws Error where they are damaged or have another length
 */
export async function decompressZstd(input: Uint8Array, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  if (input.length + length > maxBytes) throw new Error(`zstd data of ${length} bytes is too long to decode`);
  loading ??= load();
  const content = (await loading).decode(input, length);
  // Where it is damaged, what comes out is empty.
  if (content.length !== length) throw new Error('the zstd data is damaged');
  return content;
}

async function load(): Promise<ZSTDDecoder> {
  const { ZSTDDecoder: Decoder } = await import('zstddec');
  const decoder = new Decoder();
  await decoder.init();
  return decoder;
}
