// Labels of images that class folders do not give: tables, functions, none.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteFile } from 'hyparquet-writer';
import { DataLoader } from 'millrace';
import { ConfigError, FormatError } from 'millrace/errors';
import { ImageFolder } from 'millrace/formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let root: string;
const image = (k: number) => Buffer.concat([Buffer.from('P5 2 2 255\n'), Buffer.alloc(4, k)]);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'labels-'));
  mkdirSync(join(root, 'images/more'), { recursive: true });
  for (const [k, name] of ['0012.pgm', '3.pgm', 'b_1.pgm', 'more/a_2.pgm'].entries())
    writeFileSync(join(root, 'images', name), image(k));
  writeFileSync(join(root, 'images/.hidden.pgm'), image(9));
  writeFileSync(join(root, 'images/notes.txt'), 'no image');
  mkdirSync(join(root, 'elsewhere'));
  writeFileSync(join(root, 'elsewhere/x_1.pgm'), image(4));
  symlinkSync(join(root, 'elsewhere'), join(root, 'images/linked'));
});
afterAll(() => rmSync(root, { recursive: true }));

const table = (name: string, text: string): string => {
  writeFileSync(join(root, name), text);
  return join(root, name);
};
const folder = () => join(root, 'images');
const rowsOf = (images: ImageFolder) =>
  Array.from({ length: images.length }, (_, k) => [images.path(k), images.label(k)]);

describe('labels of a table', () => {
  it('name files with or without their ending, and give the order', async () => {
    const labels = table('labels.csv', 'image_id,label\nmore/a_2.pgm,dog\n0012,cat\n3.pgm,dog\n');
    const images = await ImageFolder.open(folder(), { labels });
    expect(images.classes).toEqual(['cat', 'dog']);
    expect(rowsOf(images)).toEqual([
      ['more/a_2.pgm', 1],
      ['0012.pgm', 0],
      ['3.pgm', 1],
    ]);
    const loader = new DataLoader(images, { batchSize: 3, numWorkers: 1 });
    for await (const { image: pixels, label } of loader) {
      expect([...label.data]).toEqual([1, 0, 1]);
      expect(Array.from(pixels.data).filter((_, i) => i % 12 === 0)).toEqual([3, 0, 1]);
    }
    await loader.close();
  });

  it('that are whole numbers stay as they are, from Parquet too', async () => {
    const path = join(root, 'labels.parquet');
    parquetWriteFile({
      filename: path,
      columnData: [
        { name: 'name', data: ['3.pgm', 'b_1.pgm'], type: 'STRING' },
        { name: 'kind', data: [2n, 0n], type: 'INT64' },
      ],
    });
    const labels = { table: path, file: 'name', label: 'kind' };
    const images = await ImageFolder.open(folder(), { labels });
    expect(images.classes).toEqual(['0', '1', '2']);
    expect(rowsOf(images)).toEqual([
      ['3.pgm', 2],
      ['b_1.pgm', 0],
    ]);
    const named = await ImageFolder.open(folder(), { labels, classes: ['x', 'y', 'z'] });
    expect(named.classes).toEqual(['x', 'y', 'z']);
    await expect(ImageFolder.open(folder(), { labels, classes: ['x'] })).rejects.toThrow(/names 1 classes/);
  });

  it('have the classes that are given: others are left out', async () => {
    const labels = table('three.csv', 'file,class\n3.pgm,dog\n0012.pgm,cat\nb_1.pgm,cow\n');
    const images = await ImageFolder.open(folder(), { labels, classes: ['dog', 'cat'] });
    expect(rowsOf(images)).toEqual([
      ['3.pgm', 0],
      ['0012.pgm', 1],
    ]);
    await expect(ImageFolder.open(folder(), { labels, classes: ['dog', 'bird'] })).rejects.toThrow(/bird/);
  });

  it('change the fingerprint when a label changes', async () => {
    const first = await ImageFolder.open(folder(), {
      labels: table('a.csv', 'file,label\n3.pgm,0\nb_1.pgm,1\n'),
    });
    const second = await ImageFolder.open(folder(), {
      labels: table('b.csv', 'file,label\n3.pgm,1\nb_1.pgm,0\n'),
    });
    expect(first.fingerprint()).not.toBe(second.fingerprint());
  });

  it('that name a file twice or one that is not there, or columns that are not, are errors', async () => {
    const open = (text: string) => ImageFolder.open(folder(), { labels: table('bad.csv', text) });
    await expect(open('file,label\n3.pgm,0\n3,1\n')).rejects.toThrow(/twice.*row 1/s);
    await expect(open('file,label\nmissing.pgm,0\n')).rejects.toThrow(FormatError);
    await expect(open('a,b\n3.pgm,0\n')).rejects.toThrow(/labels.file: must name a column.*a, b/);
    await expect(open('file,label\n3.pgm,-2\n')).rejects.toThrow(ConfigError);
  });
});

describe('labels without a table', () => {
  it('come from a function of the path; links are followed and hidden files are not images', async () => {
    const images = await ImageFolder.open(folder(), {
      labels: (path) => /([a-z])_/.exec(path)?.[1] ?? 'none',
    });
    expect(images.classes).toEqual(['a', 'b', 'none', 'x']);
    expect(rowsOf(images)).toEqual([
      ['0012.pgm', 2],
      ['3.pgm', 2],
      ['b_1.pgm', 1],
      ['linked/x_1.pgm', 3],
      ['more/a_2.pgm', 0],
    ]);
  });

  it('are -1 if there are none', async () => {
    const images = await ImageFolder.open(folder(), { labels: false });
    expect(images.length).toBe(5);
    expect(rowsOf(images).every(([, label]) => label === -1)).toBe(true);
    await expect(ImageFolder.open(folder(), { labels: false, classes: ['a'] })).rejects.toThrow(ConfigError);
  });

  it('are suggested by the error of a folder without class folders', async () => {
    await expect(ImageFolder.open(join(root, 'elsewhere'))).rejects.toThrow(/pass labels/);
  });
});
