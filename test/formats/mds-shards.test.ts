import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { FormatError } from 'millrace/errors';
import { MdsDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));

interface FileOfShard {
  basename: string;
  bytes: number;
  hashes: Record<string, string>;
}
interface Shard {
  compression: string | null;
  raw_data: FileOfShard;
  zip_data: FileOfShard | null;
  column_encodings: string[];
}

/** A copy of the folder `mds`, changed. */
function changed(change: (shard: Shard, folder: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mds-'));
  cpSync(fixture('mds'), folder, { recursive: true });
  const path = join(folder, 'index.json');
  const index = JSON.parse(readFileSync(path, 'utf8')) as { shards: Shard[] };
  for (const shard of index.shards) change(shard, folder);
  writeFileSync(path, JSON.stringify(index));
  return folder;
}

/** Replaces the shard's file by a compressed one. */
function compressed(compression: string, compress: (bytes: Uint8Array) => Uint8Array) {
  return (shard: Shard, folder: string): void => {
    const { basename } = shard.raw_data;
    const bytes = compress(readFileSync(join(folder, basename)));
    shard.compression = compression;
    shard.zip_data = { basename: `${basename}.packed`, bytes: bytes.length, hashes: {} };
    writeFileSync(join(folder, shard.zip_data.basename), bytes);
    rmSync(join(folder, basename));
  };
}

async function allOf(folder: string): Promise<unknown[]> {
  const dataset = await MdsDataset.open(folder);
  return Promise.all(Array.from({ length: dataset.length }, (_, k) => dataset.get(k)));
}

/** Snappy that has literals alone. */
function literals(bytes: Uint8Array): Uint8Array {
  const length = [bytes.length & 0x7f, bytes.length >> 7];
  const [low = 0, high = 0] = length;
  return Buffer.concat([
    Buffer.from([low | 0x80, high, 61 << 2, (bytes.length - 1) & 0xff, (bytes.length - 1) >> 8]),
    bytes,
  ]);
}

describe('shards of MosaicML', () => {
  it.each([
    ['br:11', brotliCompressSync],
    ['gz:9', gzipSync],
    ['snappy', literals],
  ])('reads shards that are compressed with %s', async (compression, compress) => {
    expect(await allOf(changed(compressed(compression, compress)))).toEqual(await allOf(fixture('mds')));
  });

  it('reads a cache folder that has the shards decompressed only', async () => {
    const folder = changed((shard) => {
      shard.compression = 'zstd';
      shard.zip_data = { basename: `${shard.raw_data.basename}.zstd`, bytes: 1, hashes: {} };
    });
    expect(await allOf(folder)).toEqual(await allOf(fixture('mds')));
  });

  it.each<readonly [string, (shard: Shard, folder: string) => void, RegExp]>([
    ['a compression that is not read', compressed('bz2', (bytes) => bytes), /compressed with bz2/],
    [
      'damaged Snappy',
      compressed('snappy', (bytes) => literals(bytes).map((byte, k) => (k === 2 ? byte ^ 2 : byte))),
      /Snappy data is damaged/,
    ],
    ['damaged Brotli', compressed('br', (bytes) => bytes), /br data is damaged/],
    [
      'more bytes than the index says',
      compressed('gz', (bytes) => gzipSync(Buffer.concat([bytes, bytes]))),
      /more than the \d+ bytes that index.json says/,
    ],
    [
      'a pickled column',
      (shard: Shard) => {
        shard.column_encodings[0] = 'pkl';
      },
      /pkl: pickled objects are not read/,
    ],
    [
      'an encoding named like a method',
      (shard: Shard) => {
        shard.column_encodings[0] = 'constructor';
      },
      /encoding constructor, which cannot be read/,
    ],
    ...['../x.mds', '/x.mds', 'a/../../x.mds', '%2e%2e/x.mds', 'file:x.mds', 'a\\..\\x.mds', ''].map(
      (basename) =>
        [
          `the name ${JSON.stringify(basename)}`,
          (shard: Shard) => {
            shard.raw_data.basename = basename;
          },
          /not the name of a file below/,
        ] as const,
    ),
  ])('refuses %s', async (_, change, message) => {
    const opening = MdsDataset.open(changed(change));
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow(FormatError);
  });

  it('names uncompressed shards that do not match their checksums', async () => {
    const damaged = await MdsDataset.open(
      changed((shard, folder) => {
        if (!shard.raw_data.basename.includes('00002')) return;
        const path = join(folder, shard.raw_data.basename);
        writeFileSync(
          path,
          readFileSync(path).map((byte, k, { length }) => (k === length - 1 ? byte ^ 1 : byte)),
        );
      }),
    );
    const messages: string[] = [];
    for await (const { message } of damaged.checksumErrors()) messages.push(message);
    expect(messages).toEqual([expect.stringMatching(/sha1 checksum.*shard\.00002\.mds/)]);
  });

  it.each([
    ['str_float', '0.1', 0.1],
    ['str_float', '1e+300', 1e300],
    ['str_float', '-inf', Number.NEGATIVE_INFINITY],
    ['str_float', 'inf', Number.POSITIVE_INFINITY],
    ['str_float', 'nan', Number.NaN],
    ['str_float', '', undefined],
    ['str_float', '0x10', undefined],
    ['str_int', '-12345678901234567890', -12345678901234567890n],
    ['str_int', '', undefined],
    ['str_int', '0x10', undefined],
  ])('reads %s "%s" as Python wrote it', async (encoding, text, value) => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-mds-'));
    const sample = Buffer.concat([Buffer.from([text.length, 0, 0, 0]), Buffer.from(text)]);
    const head = Buffer.alloc(12);
    for (const [k, number] of [1, 12, 12 + sample.length].entries()) head.writeUInt32LE(number, 4 * k);
    const shard = Buffer.concat([head, sample]);
    writeFileSync(join(folder, 's.mds'), shard);
    const described = {
      format: 'mds',
      version: 2,
      samples: 1,
      compression: null,
      zip_data: null,
      column_names: ['x'],
      column_encodings: [encoding],
      column_sizes: [null],
      raw_data: { basename: 's.mds', bytes: shard.length, hashes: {} },
    };
    writeFileSync(join(folder, 'index.json'), JSON.stringify({ version: 2, shards: [described] }));
    if (value === undefined) await expect(allOf(folder)).rejects.toThrow(FormatError);
    else expect(await allOf(folder)).toEqual([{ x: value }]);
  });
});
