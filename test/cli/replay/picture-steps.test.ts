// Pictures in replayed samples, inspected samples and on the live page: after each step, with boxes and masks.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { tensor } from 'millrace';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { peekFields } from '../../../dist/monitor/dashboard/peek-batch.js';
import { runInOneProcess as runCommand } from '../in-one-process.js';

const folder = mkdtempSync(join(tmpdir(), 'picture-steps-'));
afterAll(() => rmSync(folder, { recursive: true }));
const images = fileURLToPath(new URL('../../fixtures/images/', import.meta.url));
const from = (name: string) =>
  pathToFileURL(fileURLToPath(new URL(`../../../dist/${name}`, import.meta.url))).href;

beforeAll(() => {
  for (const [k, name] of ['color.png', 'full-chroma.jpg'].entries()) {
    mkdirSync(join(folder, `data/${k}`), { recursive: true });
    cpSync(join(images, name), join(folder, `data/${k}`, name));
  }
  writeFileSync(
    join(folder, 'run.mjs'),
    `import { defineConfig } from '${from('config/index.js')}';
import { ImageFolder } from '${from('formats/index.js')}';
import { augment, normalize, randomHorizontalFlip, resize } from '${from('images/index.js')}';
const transforms = [resize([24, 32]), randomHorizontalFlip(), (image) => image, augment.randAugment(), normalize()];
export default defineConfig({
  data: await ImageFolder.open(${JSON.stringify(join(folder, 'data'))}, { transforms, layout: 'NHWC' }),
  loader: { batchSize: 2, shuffle: true, seed: 3 },
});`,
  );
  writeFileSync(
    join(folder, 'boxes.mjs'),
    `import { ArrayDataset, MapDataset, tensor } from '${from('index.js')}';
import { augment, ImagePipeline } from '${from('images/index.js')}';
const pipeline = new ImagePipeline([augment.randomVerticalFlip(1)]);
const mask = Uint8Array.from({ length: 400 }, (_, i) => Number(i < 40));
const sample = {
  image: tensor(new Uint8Array(1200).fill(9), [3, 20, 20]),
  mask: tensor(mask, [20, 20]),
  boxes: tensor(Float32Array.of(2, 0, 8, 5), [1, 4]),
};
export default new MapDataset(new ArrayDataset([sample]), (one, context) => pipeline.apply(one, context));`,
  );
});

/** The pixels of a PNG in a data: URL. */
async function pixelsOf(url: string) {
  const bytes = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return {
    at: (x: number, y: number) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)],
    info,
  };
}

const urlsOf = (page: string) => Array.from(page.matchAll(/<img src="(data:[^"]+)"/g), ([, url]) => url!);

describe('millrace replay', () => {
  it('shows the picture of a sample before the first step and after each', async () => {
    const page = join(folder, 'replay.html');
    // As text: the pixels as JSON are long.
    const { status, stdout } = await runCommand([
      'replay',
      join(folder, 'run.mjs'),
      '--step',
      '0',
      '--html',
      page,
    ]);
    expect(status).toBe(0);
    const stages = stdout.trim().split('\n\n').slice(1);
    expect(stages.map((stage) => stage.split(/ {2}|\n/)[0])).toEqual([
      'ImageFolder',
      'step 0: resize',
      'step 1: randomHorizontalFlip',
      'step 2: function',
      'step 3: randAugment',
      'step 4: normalize',
      'collated',
    ]);
    expect(stages.slice(1).every((stage) => stage.includes('[24, 32, 3]'))).toBe(true);
    // Each stage shows its own draws.
    expect(stages.map((stage) => /drew (\w+)/.exec(stage)?.[1])).toEqual([
      ...[undefined, undefined, 'boolean', undefined, 'integer', undefined, undefined],
    ]);
    const text = readFileSync(page, 'utf8');
    expect(urlsOf(text)).toHaveLength(7);
    expect((await pixelsOf(urlsOf(text)[1]!)).info).toMatchObject({ width: 32, height: 24 });
    expect(text).toContain('3. step 1: randomHorizontalFlip');
  });
});

describe('millrace inspect', () => {
  it('shows the samples of a module, with boxes and masks in the pictures', async () => {
    const page = join(folder, 'inspect.html');
    const {
      status: code,
      stdout,
      stderr,
    } = await runCommand(['inspect', join(folder, 'boxes.mjs'), '--html', page]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('dataset of a module');
    const { at } = await pixelsOf(urlsOf(readFileSync(page, 'utf8'))[0]!);
    expect(at(10, 1)).toEqual([9, 9, 9]);
    // The mask was on top, and is below after the flip.
    expect(at(15, 19)).not.toEqual([9, 9, 9]);
    // The box spans columns 2 to 7 and rows 15 to 19.
    expect(at(2, 16)).not.toEqual([9, 9, 9]);
    expect(at(4, 15)).toEqual(at(2, 16));
    expect(at(4, 16)).toEqual([9, 9, 9]);
  });
});

describe('the live page', () => {
  it('shows batches of images with their masks and boxes', () => {
    const image = tensor(new Uint8Array(2 * 300).fill(50), [2, 3, 10, 10]);
    const mask = tensor(
      Uint8Array.from({ length: 200 }, (_, i) => Number(i >= 190)),
      [2, 10, 10],
    );
    const boxes = tensor(Float32Array.of(0, 0, 4, 4, 0, 0, 0, 0), [2, 1, 4]);
    const field = peekFields({ image, mask, boxes }).find(({ name }) => name === 'image')!;
    const [first, second] = field.images!.map((one) =>
      one.kind === 'pixels' ? Buffer.from(one.rgb, 'base64') : undefined,
    );
    const at = (pixels: Buffer | undefined, x: number, y: number) => [
      ...pixels!.subarray(3 * (10 * y + x), 3 * (10 * y + x) + 3),
    ];
    expect(at(first, 0, 2)).not.toEqual([50, 50, 50]);
    expect(at(first, 1, 1)).toEqual([50, 50, 50]);
    expect(at(first, 5, 9)).toEqual([50, 50, 50]);
    expect(at(second, 0, 2)).toEqual([50, 50, 50]);
    expect(at(second, 5, 9)).not.toEqual([50, 50, 50]);
  });
});
