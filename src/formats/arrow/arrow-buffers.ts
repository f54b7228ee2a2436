import type { DecompressionBudget } from '../tables/decompression-budget.js';
import { Pace } from '../tables/pace.js';
import { decompressZstd } from '../tables/zstd.js';
import type { BatchHeader } from './arrow-message.js';
import { decompressLz4Frame } from './lz4-frame.js';

/**
 * The buffers of a record batch, decompressed.
 *
 * @param isNeeded - Whether a buffer, by position, belongs to a column that is read; others stay empty.
 * @throws Error if a buffer is damaged
 */
export async function buffersOf(
  { buffers, codec }: BatchHeader,
  body: Uint8Array,
  isNeeded: (buffer: number) => boolean,
  budget: DecompressionBudget,
): Promise<Uint8Array[]> {
  const pace = new Pace();
  const made: Uint8Array[] = [];
  for (const [k, { start, end }] of buffers.entries()) {
    const stored = body.subarray(start, end);
    if (!isNeeded(k)) made.push(new Uint8Array(0));
    else if (!codec || stored.length === 0) made.push(stored);
    else {
      await pace.rest();
      made.push(await decompress(stored, codec, budget));
    }
  }
  return made;
}

async function decompress(
  stored: Uint8Array,
  codec: 'lz4' | 'zstd',
  budget: DecompressionBudget,
): Promise<Uint8Array> {
  if (stored.length < 8) throw new Error('a compressed buffer has no length');
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const content = stored.subarray(8);
  const length = view.getBigInt64(0, true);
  // Buffers that compression would enlarge are stored uncompressed.
  if (length === -1n) return content;
  if (length < 0n) throw new Error(`a compressed buffer has a length of ${length}`);
  budget.take(Number(length));
  return codec === 'lz4'
    ? decompressLz4Frame(content, Number(length))
    : decompressZstd(content, Number(length));
}
