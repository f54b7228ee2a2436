import { FormatError, StorageError } from 'millrace/errors';
import { JsonlDataset, TextDataset } from 'millrace/formats';
import type { ByteSource } from 'millrace/storage';
import { expect, it } from 'vitest';

const piece = new Uint8Array(2 ** 22).fill(97);

/** 600 MB of the letter a, of which only the first bytes can be read. */
const longLine: ByteSource = {
  byteLength: 600_000_000,
  name: 'long.jsonl',
  async read(start, end) {
    if (end - start > 2 ** 20) throw new StorageError('The line is read as a whole');
    return piece.slice(0, end - start);
  },
  async *stream(start = 0) {
    for (let at = start; at < this.byteLength; at += piece.length)
      yield piece.slice(0, Math.min(piece.length, this.byteLength - at));
  },
  close() {},
};

it.each([JsonlDataset, TextDataset])(
  'a line that no text can hold is a typed error, before it is read',
  async (Class) => {
    const dataset = await Class.open(longLine);
    const read = async () => dataset.get(0);
    await expect(read()).rejects.toThrow(FormatError);
    await expect(read()).rejects.toThrow(/Row 0 has more than the 536870888 bytes.*long\.jsonl/);
  },
);
