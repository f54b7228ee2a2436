import { FormatError } from 'millrace/errors';
import { MemorySource } from 'millrace/storage';
import { expect, it } from 'vitest';
import { encodePart, readPart } from '../../dist/analysis/part-file.js';

const part = encodePart({
  distinct: Float64Array.of(1, 4, 9),
  counts: Float64Array.of(2, 1, 1),
  ids: Uint32Array.of(0, 3, 1, 2),
});

it('every changed bit of a part of an analysis is noticed', async () => {
  for (let bit = 0; bit < 8 * part.length; bit++) {
    const changed = part.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    await expect(readPart(new MemorySource(changed), 4), `bit ${bit}`).rejects.toThrow(FormatError);
  }
});

it('a part of an earlier version, whose header has no checksum, is read', async () => {
  const old = part.slice().fill(0, 56, 64);
  expect([...(await readPart(new MemorySource(old), 4)).distinct]).toEqual([1, 4, 9]);
});
