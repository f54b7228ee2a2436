import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BatchContext, DataLoader } from 'millrace';
import { FormatError, SampleError, StorageError } from 'millrace/errors';
import { ImageFolder, openDataset } from 'millrace/formats';
import { colorJitter, normalize, randomHorizontalFlip, randomResizedCrop, resize } from 'millrace/images';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zeroTensor } from '../../dist/core/tensor.js';

const pictures = fileURLToPath(new URL('../fixtures/images/', import.meta.url));
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-images-'));
  for (const [name, to] of [
    ['color.jpg', 'dog/b.jpg'],
    ['gray.jpg', 'dog/a.JPG'],
    ['color.png', 'dog/more/0.png'],
    ['full-chroma.jpg', 'cat/x.jpeg'],
    ['cmyk.jpg', 'cat/y.jpg'],
    ['large.jpg', 'Zebra/1.jpg'],
  ] as const)
    cpSync(join(pictures, name), join(root, to));
  writeFileSync(join(root, 'dog/notes.txt'), 'not an image');
  writeFileSync(join(root, 'readme.md'), 'not a class');
});
afterAll(() => rmSync(root, { recursive: true }));

const transforms = [
  randomResizedCrop(24),
  randomHorizontalFlip(),
  colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
  normalize(),
];

async function batchesOf(dataset: ImageFolder, options: object): Promise<unknown[]> {
  const loader = new DataLoader(dataset, { batchSize: 4, shuffle: true, seed: 7, ...options });
  const batches: unknown[] = [];
  for (let epoch = 0; epoch < 2; epoch++)
    for await (const { image, label } of loader)
      batches.push([image.shape, [...image.data], label.dtype, label.shape, [...label.data]]);
  await loader.close();
  return batches;
}

describe('ImageFolder', () => {
  it('lists classes and images as torchvision does', async () => {
    const dataset = await ImageFolder.open(root);
    expect(dataset.classes).toEqual(['Zebra', 'cat', 'dog']);
    expect(Array.from({ length: dataset.length }, (_, i) => dataset.path(i))).toEqual([
      'Zebra/1.jpg',
      'cat/x.jpeg',
      'cat/y.jpg',
      'dog/a.JPG',
      'dog/b.jpg',
      'dog/more/0.png',
    ]);
    const loader = new DataLoader(dataset);
    const seen: unknown[] = [];
    for await (const { image, label } of loader) seen.push([image.dtype, ...image.shape, label.data[0]]);
    expect(seen[0]).toEqual(['uint8', 1, 3, 720, 960, 0]);
    expect(seen[5]).toEqual(['uint8', 1, 3, 90, 120, 2]);
  });

  it('reads the classes that are given, in their order', async () => {
    const dataset = await ImageFolder.open(root, { classes: ['dog', 'cat'] });
    expect(dataset.classes).toEqual(['dog', 'cat']);
    expect([dataset.path(0), dataset.label(0), dataset.path(4), dataset.label(4)]).toEqual([
      'dog/a.JPG',
      0,
      'cat/y.jpg',
      1,
    ]);
    expect(dataset.fingerprint()).not.toBe((await ImageFolder.open(root)).fingerprint());
    const wrong = (classes: string[]) => ImageFolder.open(root, { classes });
    await expect(wrong(['dog', 'bird'])).rejects.toThrow(/no folder bird; there are Zebra, cat, dog/);
    await expect(wrong(['dog', 'dog'])).rejects.toThrow(/names a class twice/);
    await expect(wrong([])).rejects.toThrow(/must not be empty/);
  });

  it('gives the same augmented batches for any number of workers, lent or owned, whole batches or samples', async () => {
    const dataset = await ImageFolder.open(root, { transforms });
    const expected = await batchesOf(dataset, {});
    expect(new Set(expected.map((batch) => JSON.stringify(batch))).size).toBe(expected.length);
    for (const options of [
      { numWorkers: 1 },
      { numWorkers: 2, reuseBuffers: true },
      { reuseBuffers: true },
      // This policy goes sample by sample.
      { onError: 'skip' },
      { numWorkers: 2, onError: 'retry' },
    ])
      expect(await batchesOf(dataset, options)).toEqual(expected);
  });

  it('has a fingerprint of its files and its transforms', async () => {
    const prints = await Promise.all(
      [{}, {}, { transforms }, { layout: 'NHWC' as const }].map(async (options) =>
        (await ImageFolder.open(root, options)).fingerprint(),
      ),
    );
    expect(prints[0]).toBe(prints[1]);
    expect(new Set(prints).size).toBe(3);
  });

  it('names the file of a damaged image, or leaves it out and counts it', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'millrace-images-'));
    cpSync(root, copy, { recursive: true });
    truncateSync(join(copy, 'dog/b.jpg'), 1_500);
    const dataset = await ImageFolder.open(copy, { transforms });
    for (const numWorkers of [0, 1]) {
      const failure = (async () => {
        for await (const _ of new DataLoader(dataset, { batchSize: 6, numWorkers }));
      })();
      await expect(failure).rejects.toThrow(SampleError);
      await expect(failure).rejects.toThrow(/Sample 4 of ImageFolder .*cannot be decoded/);
      await expect(failure).rejects.toMatchObject({ cause: { where: { file: join(copy, 'dog/b.jpg') } } });
    }
    const loader = new DataLoader(dataset, { batchSize: 6, onError: 'skip' });
    for await (const { label } of loader) expect([...label.data]).toEqual([0, 1, 1, 2, 2]);
    expect(loader.stats().skipped).toBe(1);
    rmSync(join(copy, 'dog/b.jpg'));
    await expect(batchesOf(dataset, {})).rejects.toThrow(/no such file/);
    rmSync(copy, { recursive: true });
  });

  it('leaves hidden folders and files out, and follows links', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'millrace-images-'));
    for (const name of [
      'cat/a.jpg',
      'dog/b.jpg',
      '.ipynb_checkpoints/a.jpg',
      '__MACOSX/cat/a.jpg',
      'top.jpg',
    ])
      cpSync(join(pictures, 'color.jpg'), join(copy, name));
    writeFileSync(join(copy, 'dog/._b.jpg'), 'Mac OS X');
    mkdirSync(join(copy, 'dog/.cache'));
    cpSync(join(pictures, 'color.jpg'), join(copy, 'dog/.cache/c.jpg'));
    symlinkSync(join(copy, 'cat'), join(copy, 'lynx'));
    symlinkSync(join(copy, 'cat/a.jpg'), join(copy, 'dog/linked.jpg'));
    symlinkSync(copy, join(copy, 'dog/round'));
    for (const dataset of [await ImageFolder.open(copy), (await openDataset(copy)).dataset as ImageFolder]) {
      expect(dataset.classes).toEqual(['cat', 'dog', 'lynx']);
      expect(Array.from({ length: dataset.length }, (_, i) => dataset.path(i))).toEqual([
        'cat/a.jpg',
        'dog/b.jpg',
        'dog/linked.jpg',
        'lynx/a.jpg',
      ]);
    }
    rmSync(copy, { recursive: true });
  });

  it('refuses folders of splits, and reads a class that is called like one', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'millrace-images-'));
    for (const name of ['train/cat/a.jpg', 'test/cat/b.jpg'])
      cpSync(join(pictures, 'color.jpg'), join(copy, name));
    for (const open of [ImageFolder.open, openDataset])
      await expect(open(copy)).rejects.toThrow(/holds splits, not classes: test, train.*Open one of them/);
    expect((await ImageFolder.open(join(copy, 'train'))).classes).toEqual(['cat']);
    cpSync(join(pictures, 'color.jpg'), join(copy, 'bus/a.jpg'));
    expect((await ImageFolder.open(copy)).classes).toEqual(['bus', 'test', 'train']);
    rmSync(copy, { recursive: true });
  });

  it('decodes a few images at a time, whatever the batch size, and fills every place', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'millrace-images-'));
    for (let k = 0; k < 24; k++) cpSync(join(pictures, 'color.png'), join(copy, `a/${k + 10}.png`));
    writeFileSync(join(copy, 'a/20.png'), 'no image');
    const dataset = await ImageFolder.open(copy, { transforms: [resize([4, 4])] });
    const context = {
      allocate: (dtype: 'int32', shape: readonly number[]) => zeroTensor(dtype, shape),
      sample: () => ({}),
    } as unknown as BatchContext;
    await expect(
      (async () =>
        dataset.getBatch!(
          Float64Array.from({ length: 24 }, (_, i) => i),
          context,
        ))(),
    ).rejects.toThrow(/20\.png/);
    const indices = Float64Array.from({ length: 23 }, (_, i) => (i < 10 ? i : i + 1));
    let most = 0;
    let isDone = false;
    const watch = (): void => {
      const { process, queue } = sharp.counters();
      // Not their sum: sharp moves an image from one to the other while this reads.
      most = Math.max(most, process, queue);
      if (!isDone) setImmediate(watch);
    };
    const making = dataset.getBatch!(indices, context);
    watch();
    const { image } = (await making) as { image: { data: Uint8Array } };
    isDone = true;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(4);
    const [first] = await Promise.all([dataset.get(0, {} as never)]);
    for (let k = 0; k < 23; k++) expect(image.data.subarray(48 * k, 48 * (k + 1))).toEqual(first.image.data);
    rmSync(copy, { recursive: true });
  });

  it('says what is wrong with a folder', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'millrace-images-'));
    await expect(ImageFolder.open(empty)).rejects.toThrow(/no class folders.*cats\/1\.jpg/);
    mkdirSync(join(empty, 'cats'));
    await expect(ImageFolder.open(empty)).rejects.toThrow(FormatError);
    await expect(ImageFolder.open(empty)).rejects.toThrow(/class folder cats has no images/);
    await expect(ImageFolder.open(join(empty, 'missing'))).rejects.toThrow(StorageError);
    rmSync(empty, { recursive: true });
  });
});
