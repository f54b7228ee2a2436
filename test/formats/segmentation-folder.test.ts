import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataLoader, type SampleContext } from 'millrace';
import { ConfigError, FormatError, SampleError } from 'millrace/errors';
import { SegmentationFolder } from 'millrace/formats';
import { augment, normalize, randomHorizontalFlip, randomResizedCrop } from 'millrace/images';
import { sampleContext } from 'millrace/random';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let root: string;
const [width, height] = [24, 18];
const count = 9;

/** The class of a pixel of image `k`; its color has the class times 50 in red. */
const classOf = (k: number, i: number) => (Math.floor((i % width) / 6) + k) % 4;

async function write(path: string, channels: 1 | 3, pixelOf: (i: number) => number[]): Promise<void> {
  const bytes = Uint8Array.from(Array.from({ length: width * height }, (_, i) => pixelOf(i)).flat());
  const image = sharp(bytes, { raw: { width, height, channels } });
  await (channels === 1 ? image.toColorspace('b-w') : image).png().toFile(path);
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-segmentation-'));
  for (const folder of ['images/a', 'images/b', 'masks/a', 'masks/b'])
    mkdirSync(join(root, folder), { recursive: true });
  for (let k = 0; k < count; k++) {
    const name = `${k % 2 ? 'a' : 'b'}/${k}.png`;
    await write(join(root, 'images', name), 3, (i) => [50 * classOf(k, i), k, 0]);
    await write(join(root, 'masks', name), 1, (i) => [classOf(k, i)]);
  }
  // No image has this mask.
  await write(join(root, 'masks/a/extra.png'), 1, () => [0]);
});
afterAll(() => rmSync(root, { recursive: true }));

const open = (options: Parameters<typeof SegmentationFolder.open>[2] = {}) =>
  SegmentationFolder.open(join(root, 'images'), join(root, 'masks'), options);

const get = async (
  dataset: SegmentationFolder,
  index: number,
  context: SampleContext = sampleContext(index),
) => dataset.get(index, context);

describe('SegmentationFolder', () => {
  it('pairs images and masks by path, and moves both by one geometry', async () => {
    const dataset = await open({
      transforms: [augment.randomCrop([16, 16]), randomHorizontalFlip()],
      exact: true,
    });
    expect(dataset.length).toBe(count);
    for (let index = 0; index < count; index++) {
      expect(dataset.maskPath(index)).toBe(dataset.path(index));
      const { image, mask } = await get(dataset, index, sampleContext(index, { seed: 5 }));
      expect(image.shape).toEqual([3, 16, 16]);
      expect(mask.shape).toEqual([16, 16]);
      for (const [i, found] of mask.data.entries()) expect(image.data[i]).toBe(50 * found);
    }
  });

  it('fills a mask beyond the image with the value that losses ignore', async () => {
    const rotated = [augment.randomRotation([45, 45])];
    const { mask } = await get(await open({ transforms: rotated }), 0);
    expect(mask.data[0]).toBe(255);
    const filled = await get(await open({ transforms: rotated, maskFill: 7 }), 0);
    expect(filled.mask.data[0]).toBe(7);
    expect((await open({ transforms: rotated })).fingerprint()).not.toBe(
      (await open({ transforms: rotated, maskFill: 7 })).fingerprint(),
    );
  });

  it('gives the same batches with and without workers', async () => {
    const batches = async (numWorkers: number) => {
      const dataset = await open({ transforms: [randomResizedCrop(12), normalize()] });
      const loader = new DataLoader(dataset, { batchSize: 4, shuffle: true, seed: 3, numWorkers });
      const made: unknown[] = [];
      for await (const { image, mask } of loader)
        made.push([image.dtype, image.shape, [...image.data], mask.dtype, mask.shape, [...mask.data]]);
      await loader.close();
      return made;
    };
    expect(await batches(2)).toEqual(await batches(0));
  });

  it('takes the name of a mask from a function', async () => {
    const dataset = await open({
      maskOf: (path) => path.replace(/\d+\.png$/, 'extra.png').replace('b/', 'a/'),
    });
    expect(dataset.maskPath(3)).toBe('a/extra.png');
    const { mask } = await get(dataset, 3);
    expect(mask.data.every((level) => level === 0)).toBe(true);
    await expect(open({ maskOf: 'a' as never })).rejects.toThrow(ConfigError);
  });

  it('names images without a mask', async () => {
    const opening = SegmentationFolder.open(join(root, 'images'), join(root, 'masks/a'));
    await expect(opening).rejects.toThrow(FormatError);
    await expect(opening).rejects.toThrow(/9 of 9 images have no mask.*a\/1\.png \(a\/1\).*pass maskOf/s);
  });

  it('names the image whose mask has another size', async () => {
    mkdirSync(join(root, 'odd'));
    for (let k = 0; k < count; k++) {
      const folder = join(root, 'odd', k % 2 ? 'a' : 'b');
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, `${k}.png`),
        await sharp(Buffer.alloc(12), { raw: { width: 4, height: 3, channels: 1 } })
          .toColorspace('b-w')
          .png()
          .toBuffer(),
      );
    }
    const dataset = await SegmentationFolder.open(join(root, 'images'), join(root, 'odd'));
    const loader = new DataLoader(dataset, { batchSize: 4 });
    const reading = loader[Symbol.asyncIterator]().next();
    await expect(reading).rejects.toThrow(SampleError);
    await expect(reading).rejects.toThrow(/mask is uint8 \[3,4\], not \[18, 24\].*image .*a\/1\.png/s);
    await loader.close();
  });
});
