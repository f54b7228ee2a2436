import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { FormatError } from 'millrace/errors';
import { JsonlDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { describe, expect, it } from 'vitest';

const zstd = readFileSync(new URL('../fixtures/formats/checked.jsonl.zst', import.meta.url));
const line = '{"x":1}\n';

const open = (bytes: Uint8Array, ending: string, options = {}) =>
  JsonlDataset.open(new MemorySource(bytes, `rows.jsonl.${ending}`), options);

describe('gzip', () => {
  it('reads all members, and zeros behind them', async () => {
    const members = Buffer.concat([gzipSync(line), gzipSync(''), gzipSync(line), Buffer.alloc(600)]);
    expect((await open(members, 'gz')).length).toBe(2);
  });

  it.each([
    ['bytes behind the end', Buffer.concat([gzipSync(line), Buffer.from('text')])],
    ['a zero in place of the next member', Buffer.concat([gzipSync(line), Buffer.alloc(1), gzipSync(line)])],
    ['a wrong checksum', gzipSync(line).map((byte, k, { length }) => (k === length - 8 ? byte ^ 1 : byte))],
    ['half of a member', gzipSync(line).subarray(0, 20)],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', async (_, bytes) => {
    await expect(open(bytes, 'gz')).rejects.toThrow(FormatError);
  });
});

describe('zstd', () => {
  it('reads frame after frame, empty and skippable ones too', async () => {
    // 20,000 frames without content: they must not take stack.
    const empty = Buffer.from('28b52ffd2400010000' + '99e9d851', 'hex');
    const skippable = Buffer.from('502a4d180400000041424344', 'hex');
    const frames = Buffer.concat([...Array.from({ length: 20_000 }, () => empty), skippable, zstd]);
    expect((await open(frames, 'zst')).length).toBe(120);
  });

  it('compares the checksum of every frame', async () => {
    // The last four bytes are the checksum of the last frame.
    const damaged = Buffer.from(zstd);
    damaged[damaged.length - 1]! ^= 1;
    await expect(open(damaged, 'zst')).rejects.toThrow(/checksum does not match.*rows\.jsonl\.zst/);
  });

  it('says so when a frame needs a longer window than 128 MiB', async () => {
    // Frame header: no content size, window of 2^31 bytes.
    const frame = Buffer.from('28b52ffd00a8' + '010000', 'hex');
    await expect(open(frame, 'zst')).rejects.toThrow(/window of more than 128 MiB.*--long=31/);
  });

  it('refuses every cut', async () => {
    for (let length = 1; length < zstd.length; length += 7) {
      const opened = await open(zstd.subarray(0, length), 'zst').catch((error: unknown) => error);
      expect(opened).toBeInstanceOf(FormatError);
    }
  });
});

it.each([
  ['gz', gzipSync(Buffer.alloc(10_000_000))],
  // A frame of blocks of one repeated byte: 128 KiB in 4 bytes.
  [
    'zst',
    Buffer.concat([
      Buffer.from('28b52ffd0060', 'hex'),
      ...Array.from({ length: 100 }, (_, k) => rleBlock(k === 99)),
    ]),
  ],
])('takes no more memory than maxDecompressedBytes for .%s', async (ending, bomb) => {
  await expect(open(bomb, ending, { maxDecompressedBytes: 1_000_000 })).rejects.toThrow(
    /decompressed data exceeds 1000000 bytes.*maxDecompressedBytes/,
  );
  expect((await open(bomb, ending)).length).toBe(1);
});

function rleBlock(isLast: boolean): Buffer {
  const header = ((2 ** 17) << 3) | (1 << 1) | (isLast ? 1 : 0);
  return Buffer.from([header & 0xff, (header >> 8) & 0xff, header >> 16, 0]);
}
