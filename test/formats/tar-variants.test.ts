// Tar archives as GNU tar, Python's tarfile and others write them, made by hand: what is read, and what is refused by name.
import { gzipSync } from 'node:zlib';
import { FormatError } from 'millrace/errors';
import { WebDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { describe, expect, it } from 'vitest';

const zeros = (bytes: number) => Buffer.alloc(bytes);
const endMark = zeros(1024);

interface Entry {
  readonly name: string;
  readonly type?: string;
  readonly content?: string | Uint8Array;
}

/** A member in ustar: a header and the content, filled up to whole blocks. */
function member({ name, type = '0', content = '' }: Entry): Buffer {
  const bytes = Buffer.from(content as string);
  const header = zeros(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write(type, 156);
  header.write('ustar\0' + '00', 257);
  sign(header);
  return Buffer.concat([header, bytes, zeros((512 - (bytes.length % 512)) % 512)]);
}

function sign(header: Buffer): void {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}

function pax(fields: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(fields).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const length = rest.length + 2;
    return `${length}${rest}`;
  });
  return member({ name: 'PaxHeaders/x', type: 'x', content: lines.join('') });
}

async function samplesOf(bytes: Uint8Array, options = {}): Promise<unknown[]> {
  const dataset = await WebDataset.open(new MemorySource(bytes, 'x.tar'), options);
  return Promise.all(Array.from({ length: dataset.length }, (_, k) => dataset.get(k)));
}

const plain = member({ name: 'a.txt', content: 'one' });

describe('tar archives of many writers', () => {
  it.each([
    ['a volume label of GNU tar', [member({ name: 'label', type: 'V' }), plain]],
    [
      'a folder, a link and a device',
      ['5', '2', '1', '3'].map((type) => member({ name: 'a', type })).concat(plain),
    ],
    ['a type that is not known, as a file', [member({ name: 'a.txt', type: 'Z', content: 'one' })]],
    ['an old file without a type', [member({ name: 'a.txt', type: '\0', content: 'one' })]],
    ['a global header', [member({ name: 'g', type: 'g', content: '16 comment=text\n' }), plain]],
    [
      'a long name of GNU tar',
      [
        member({ name: '././@LongLink', type: 'L', content: 'a.txt\0' }),
        member({ name: 'b', content: 'one' }),
      ],
    ],
    ['a name in a pax header', [pax({ path: 'a.txt' }), member({ name: 'b', content: 'one' })]],
  ])('reads %s', async (_, members) => {
    expect(await samplesOf(Buffer.concat([...members, endMark]))).toEqual([{ __key__: 'a', txt: 'one' }]);
  });

  it('reads an archive that is compressed as a whole, whatever its name is', async () => {
    const packed = gzipSync(Buffer.concat([plain, endMark]));
    for (const name of ['x.tar', 'x.tgz', 'x.tar.gz']) {
      const dataset = await WebDataset.open(new MemorySource(packed, name));
      expect(await dataset.get(0)).toEqual({ __key__: 'a', txt: 'one' });
    }
  });

  it('decompresses members that end in gz, as webdataset does', async () => {
    const bytes = Buffer.concat([
      member({ name: 'a.json.gz', content: gzipSync('{"x":1}') }),
      member({ name: 'a.gz', content: gzipSync('raw') }),
      endMark,
    ]);
    expect(await samplesOf(bytes)).toEqual([
      { __key__: 'a', 'json.gz': { x: 1 }, gz: new Uint8Array(Buffer.from('raw')) },
    ]);
    await expect(samplesOf(bytes, { maxDecompressedBytes: 2 })).rejects.toThrow(
      /decompressed data exceeds 2 bytes/,
    );
  });

  it('reads a cls member beyond 2^53 exactly', async () => {
    const bytes = Buffer.concat([member({ name: 'a.cls', content: '9007199254740993' }), endMark]);
    expect(await samplesOf(bytes)).toMatchObject([{ cls: 9_007_199_254_740_993n }]);
  });

  it.each([
    ['a sparse file of GNU tar', [member({ name: 'a.txt', type: 'S', content: 'one' })], /a sparse file/],
    ['a sparse file of POSIX', [pax({ 'GNU.sparse.major': '1' }), plain], /a sparse file/],
    [
      'a file of several volumes',
      [member({ name: 'a.txt', type: 'M', content: 'one' })],
      /rest of another archive/,
    ],
  ])('refuses %s by name', async (_, members, message) => {
    const opening = samplesOf(Buffer.concat([...members, endMark]));
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow(FormatError);
  });

  it('refuses concatenated archives, and a header that became zeros: their files would be lost', async () => {
    const two = Buffer.concat([plain, endMark, member({ name: 'b.txt', content: 'two' }), endMark]);
    await expect(samplesOf(two)).rejects.toThrow(/More files follow the end/);
    const hole = Buffer.concat([plain, zeros(512), member({ name: 'b.txt', content: 'two' }), endMark]);
    await expect(samplesOf(hole)).rejects.toThrow(/More files follow the end/);
  });

  it.each([
    ['of base 256 that is none', Buffer.from([0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])],
    ['beyond 2^53', Buffer.from([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['below 0', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0])],
  ])('refuses a size %s with file and byte offset', async (_, size) => {
    const header = Buffer.from(plain);
    size.copy(header, 124);
    sign(header.subarray(0, 512));
    const error = await samplesOf(Buffer.concat([header, endMark])).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).where).toMatchObject({ file: 'x.tar', byteOffset: 0 });
  });
});
