import { deflateRawSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { ConfigError, FormatError } from 'millrace/errors';
import { loadDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';
import { card, folderOf, rowsOf } from './layouts.js';

/** What is right where Hugging Face `datasets` fails, or reads something else than the file says. */
describe('loadDataset beyond datasets', () => {
  it('looks for the files of a configuration in its folder', async () => {
    const folder = await folderOf({
      'a/train.csv': 'id\n1\n',
      'README.md': card('configs:', '- config_name: x', '  data_dir: a', '  data_files: train.csv'),
    });
    expect(await rowsOf(await loadDataset(folder, { split: 'train' }))).toEqual([{ id: 1 }]);
  });

  it('reads the data and not the notes beside it', async () => {
    const folder = await folderOf({ 'a.csv': 'id\n1\n', 'README.txt': 'hello', 'LICENSE.txt': 'MIT' });
    expect(await rowsOf(await loadDataset(folder, { split: 'train' }))).toEqual([{ id: 1 }]);
  });

  it('keeps text that looks like a number, where the card says that it is text', async () => {
    const folder = await folderOf({
      'train.csv': 'zip\n00700\n',
      'README.md': card('dataset_info:', '  features:', '  - name: zip', '    dtype: string'),
    });
    expect(await rowsOf(await loadDataset(folder, { split: 'train' }))).toEqual([{ zip: '00700' }]);
  });

  it('refuses a label beyond its classes, with row and column', async () => {
    const folder = await folderOf({
      'train.jsonl': '{"label": 1}\n{"label": 7}\n',
      'README.md': card(
        'dataset_info:',
        '  features:',
        '  - name: label',
        '    dtype:',
        '      class_label:',
        '        names:',
        "          '0': cat",
        "          '1': dog",
      ),
    });
    const rows = await loadDataset(folder, { split: 'train' });
    expect(await rows.get(0)).toEqual({ label: 1 });
    await expect(async () => rows.get(1)).rejects.toThrow(
      /Row 1 .*label: 7 is none of the 2 classes cat, dog/,
    );
  });

  it('gives sounds as bytes, with their classes', async () => {
    const folder = await folderOf({ 'hi/1.wav': 'RIFF1', 'lo/2.wav': 'RIFF2' });
    const rows = await loadDataset(folder, { split: 'train' });
    expect(rows.features.label).toEqual({ kind: 'classLabel', names: ['hi', 'lo'] });
    const text = (await rowsOf<Record<string, unknown>>(rows)).map(({ audio, label }) => [
      Buffer.from(audio as Uint8Array).toString(),
      label,
    ]);
    expect(text).toEqual([
      ['RIFF1', 0],
      ['RIFF2', 1],
    ]);
  });

  it('makes no classes of the folders of splits', async () => {
    const folder = await folderOf({ 'train/1.wav': 'a', 'test/2.wav': 'b' });
    const { train, test } = await loadDataset(folder);
    expect([Object.keys(train!.features), Object.keys(test!.features)]).toEqual([['audio'], ['audio']]);
  });

  it('reads a column of whole numbers with fractions in a later file', async () => {
    const folder = await folderOf({ 'a.jsonl': '{"x": 1}\n', 'b.jsonl': '{"x": 2.5}\n' });
    expect(await rowsOf(await loadDataset(folder, { split: 'train' }))).toEqual([{ x: 1 }, { x: 2.5 }]);
  });

  it('gives 64-bit integers of Parquet as bigint, whether the card declares them or not', async () => {
    const id = { name: 'id', data: [1n, 2n], type: 'INT64' as const };
    const files = { 'train.parquet': new Uint8Array(parquetWriteBuffer({ columnData: [id] })) };
    const declared = {
      ...files,
      'README.md': card('dataset_info:', '  features:', '  - name: id', '    dtype: int64'),
    };
    for (const each of [files, declared])
      expect(await rowsOf(await loadDataset(await folderOf(each), { split: 'train' }))).toEqual([
        { id: 1n },
        { id: 2n },
      ]);
  });

  it('keeps whole numbers beyond 2^53 exact', async () => {
    const folder = await folderOf({ 'train.csv': 'id\n9007199254740993\n', 'test.csv': 'id\n1\n' });
    const { train, test } = await loadDataset(folder);
    expect(await rowsOf(train!)).toEqual([{ id: 9007199254740993n }]);
    expect(await rowsOf(test!)).toEqual([{ id: 1 }]);
  });
});

describe('files that would be dropped or mixed silently', () => {
  it.each([
    [
      'a photo of a train',
      { 'photo of a train.wav': '1', 'dog.wav': '2' },
      /belong to no split.*train: dog\.wav/,
    ],
    ['a folder beside splits', { 'train/a.csv': 'x\n1\n', 'other/b.csv': 'x\n2\n' }, /other\/b\.csv/],
    [
      'splits outside of data',
      { 'de-00000-of-00001.csv': 'x\n1\n', 'fr-00000-of-00001.csv': 'x\n1\n' },
      /outside of the folder data: de, fr/,
    ],
    ['capitals', { 'TRAIN.csv': 'x\n1\n', 'TEST.csv': 'x\n2\n' }, /capitals: TEST\.csv TRAIN\.csv/],
    [
      'two formats',
      { 'a.csv': 'x\n1\n', 'b.csv': 'x\n1\n', 'c.jsonl': '{"x": 1}\n' },
      /csv files, and others .*c\.jsonl/,
    ],
    [
      'a file of two splits',
      { 'train_test.csv': 'x\n1\n' },
      /train_test\.csv belongs to two splits.*train and test/,
    ],
    ['a file twice', { 'train_training.csv': 'x\n1\n' }, /train_training\.csv names the split train twice/],
    [
      'formats by split',
      { 'train.csv': 'x\n1\n', 'test.jsonl': '{"x": 1}\n' },
      /train \(csv\), test \(json\)/,
    ],
    ['a format that is not read', { 'train.xml': '<a/>' }, /xml files, which Millrace does not read/],
    [
      'a parameter of the card',
      {
        'a.csv': 'x\n1\n',
        'README.md': card('configs:', '- config_name: d', '  data_files: a.csv', '  skiprows: 1'),
      },
      /not supported: skiprows/,
    ],
    [
      'files elsewhere',
      { 'a.csv': 'x\n1\n', 'README.md': card('configs:', '- config_name: d', '  data_files: ../b.csv') },
      /outside of it: \.\.\/b\.csv/,
    ],
  ])('are an error that lists them: %s', async (_, files, message) => {
    const failed = await loadDataset(await folderOf(files)).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ConfigError);
    expect((failed as Error).message).toMatch(message);
  });
});

/** A zip archive with one file, of which the directory may lie. */
function zipOf(name: string, content: Buffer, claimed = content.length): Buffer {
  const packed = deflateRawSync(content);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(content));
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32LE(packed.length, 0);
  sizes.writeUInt32LE(claimed, 4);
  const fixed = Buffer.from([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
  const nameLength = Buffer.from([name.length, 0, 0, 0]);
  const local = Buffer.concat([
    Buffer.from('PK\x03\x04', 'latin1'),
    fixed,
    crc,
    sizes,
    nameLength,
    Buffer.from(name),
    packed,
  ]);
  const entry = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
    fixed,
    crc,
    sizes,
    nameLength,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, entry, end]);
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

describe('damaged files', () => {
  it.each([
    [
      'a zip archive that is cut short',
      { 'a.zip': zipOf('a.csv', Buffer.from('x\n1\n')).subarray(0, 60) },
      /zip archive is damaged/,
    ],
    [
      'a zip archive that lies about a size',
      { 'a.zip': zipOf('a.csv', Buffer.from('x\n1\n'), 9) },
      /zip archive is damaged/,
    ],
    ['an array without end', { 'a.json': '[{"a": 1},' }, /without its counterpart/],
    ['a card that is not YAML', { 'a.csv': 'x\n1\n', 'README.md': card('configs: [') }, /not YAML/],
    [
      'a table that names an absent file',
      { '1.wav': 'a', 'metadata.csv': 'file_name\n1.wav\n2.wav\n' },
      /names the file 2\.wav/,
    ],
    [
      'a table that leads out',
      { 'd/1.wav': 'a', 'd/metadata.csv': 'file_name\n../../x.wav\n' },
      /names the file \.\.\/\.\.\/x\.wav/,
    ],
    ['other columns', { 'a.csv': 'x\n1\n', 'b.csv': 'y\n1\n' }, /different columns/],
    [
      'other rows than the card says',
      {
        'a.csv': 'x\n1\n',
        'README.md': card('dataset_info:', '  splits:', '  - name: train', '    num_examples: 5'),
      },
      /has 1 rows, and its card says 5/,
    ],
  ])('are typed errors: %s', async (_, files, message) => {
    const failed = await loadDataset(await folderOf(files)).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(FormatError);
    expect((failed as Error).message).toMatch(message);
  });
});

describe('the fingerprint of a local data set', () => {
  it('is that of its files, columns and rows', async () => {
    const files = { 'train.csv': 'x\n1\n2\n', 'test.csv': 'x\n1\n2\n' };
    const [one, two, other] = await Promise.all(
      [files, files, { ...files, 'train.csv': 'x\n1\n3\n' }].map(folderOf),
    );
    const of = async (folder: string, split: string) => (await loadDataset(folder, { split })).fingerprint();
    expect(await of(one!, 'train')).toBe(await of(two!, 'train'));
    expect(await of(one!, 'train')).not.toBe(await of(other!, 'train'));
    expect(await of(one!, 'train')).not.toBe(await of(one!, 'train[:1]'));
    expect(await of(one!, 'train')).not.toBe(await of(one!, 'test'));
  });
});
