import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { SampleContext } from 'millrace';
import { FormatError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import { afterEach, describe, expect, it } from 'vitest';
import { columns } from './random-tables.js';
import { removeTables, writeIceberg } from './written-tables.js';

afterEach(removeTables);

type Pack = (bytes: Buffer) => Buffer;

/** Raw Snappy data of short literals, and the checksum that Avro adds. */
const snappy: Pack = (bytes) => {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    length.push((rest % 128) + (rest >= 128 ? 128 : 0));
    if (rest < 128) break;
  }
  const literals = Array.from({ length: Math.ceil(bytes.length / 60) }, (_, k) => {
    const part = bytes.subarray(60 * k, 60 * k + 60);
    return Buffer.concat([Buffer.from([(part.length - 1) << 2]), part]);
  });
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return Buffer.concat([Buffer.from(length), ...literals, checksum]);
};

const zstdHead = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58]);
const zstdBlock = (isLast: boolean, isRepeated: boolean, size: number, content: Uint8Array): Buffer => {
  const head = Buffer.alloc(3);
  head.writeUIntLE(Number(isLast) + (isRepeated ? 2 : 0) + 8 * size, 0, 3);
  return Buffer.concat([head, content]);
};
/** A frame of one block that is stored. */
const zstd: Pack = (bytes) => Buffer.concat([zstdHead, zstdBlock(true, false, bytes.length, bytes)]);

async function tableWith(codec: string, pack?: Pack): Promise<string> {
  const rows = [{ id: 1n, word: 'a' }];
  const nullCounts = [{ key: 1, value: 0 }];
  return writeIceberg({
    ...{ columns, codec, manifests: [{ files: [{ rows, nullCounts }, { rows: [{ id: 2n }] }] }] },
    ...(pack && {
      codecs: {
        [codec]: (bytes: Buffer, done: (error: null, packed: Buffer) => void) => done(null, pack(bytes)),
      },
    }),
  });
}

describe('manifests of an Iceberg table', () => {
  it.each([['null'], ['deflate'], ['snappy', snappy], ['zstandard', zstd]] as const)(
    'are read if they are compressed with %s, up to a limit',
    async (codec, pack?: Pack) => {
      const root = await tableWith(codec, pack);
      const { dataset } = await openDataset(root);
      expect(await dataset.get(1, {} as SampleContext)).toMatchObject({ id: 2n, word: null });
      if (codec !== 'null')
        await expect(openDataset(root, { maxDecompressedBytes: 99 })).rejects.toThrow(
          /exceeds 99 bytes.*\.avro.*maxDecompressedBytes/,
        );
      // What ends early is never taken for a table with fewer of them.
      const manifest = join(root, 'metadata/m0.avro');
      const whole = readFileSync(manifest);
      const list = readFileSync(join(root, 'metadata/snap.avro'));
      for (const [name, bytes] of [
        ['m0.avro', whole],
        ['snap.avro', list],
      ] as const) {
        const blocks = bytes.lastIndexOf(bytes.subarray(-16), bytes.length - 17) + 16;
        for (let end = blocks + 1; end < bytes.length; end += 7) {
          writeFileSync(join(root, 'metadata', name), bytes.subarray(0, end));
          await expect(openDataset(root), `${name} ${end}`).rejects.toThrow(FormatError);
        }
        writeFileSync(join(root, 'metadata', name), bytes);
      }
    },
  );

  it('name a codec that is not read', async () => {
    await expect(openDataset(await tableWith('xz', (bytes) => bytes))).rejects.toThrow(
      /compressed with xz, which Millrace does not read \(file .*snap\.avro\).*compression-codec/,
    );
  });

  it('expand to no more than the limit, whatever a few bytes claim', async () => {
    const repeated = Array.from({ length: 2_000 }, (_, k) =>
      zstdBlock(k === 1_999, true, 2 ** 17, Buffer.alloc(1)),
    );
    const claims: readonly (readonly [string, Pack, RegExp])[] = [
      // 4 GiB, of which nothing follows.
      ['snappy', () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0]), /exceeds 100000000 bytes/],
      [
        'snappy',
        (bytes) => Buffer.concat([snappy(bytes).subarray(0, -4), Buffer.alloc(4)]),
        /checksum of a block does not match/,
      ],
      // 250 MiB.
      ['zstandard', () => Buffer.concat([zstdHead, ...repeated]), /exceeds 100000000 bytes/],
      ['zstandard', (bytes) => zstd(bytes).subarray(0, -1), /cut short/],
      // An array of 2^40 items after the fields of a record.
      [
        'null',
        () => Buffer.from([0, 0, 0, 0, 0, 2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]),
        /claims \d+ values in 12 bytes/,
      ],
    ];
    for (const [codec, pack, message] of claims) {
      const opening = openDataset(await tableWith(codec, pack), { maxDecompressedBytes: 1e8 });
      await expect(opening, String(message)).rejects.toThrow(message);
      await expect(opening).rejects.toThrow(FormatError);
    }
  });
});
