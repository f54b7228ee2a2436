// Decoders of parts give the pixels of decoders of whole images, and few images are decoded at once.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FormatError } from 'millrace/errors';
import {
  augment,
  centerCrop,
  ImagePipeline,
  type ImageTransform,
  randomResizedCrop,
  resize,
} from 'millrace/images';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { imageWorkspace } from '../../dist/images/image-workspace.js';
import { NativeWebp } from '../../dist/images/native-webp.js';
import { context } from './context.js';

/** A picture of smooth waves, with an edge of another color. */
function picture(width: number, height: number, channels: 3 | 4 = 3): import('sharp').Sharp {
  const pixels = Buffer.alloc(channels * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        pixels[channels * (y * width + x) + c] =
          x === width - 1 || y === height - 1 ? 250 : 120 + 90 * Math.sin((x * (c + 1)) / 23 + y / 31);
  return sharp(pixels, { raw: { width, height, channels } });
}

async function run(bytes: Uint8Array, steps: readonly ImageTransform[], decoder: 'auto' | 'sharp', seed = 1) {
  return new ImagePipeline(steps, { decoder }).run(bytes, 'picture', context(seed));
}

function differences(a: ArrayLike<number>, b: ArrayLike<number>): { most: number; mean: number } {
  expect(a.length).toBe(b.length);
  let [most, sum] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    most = Math.max(most, difference);
    sum += difference;
  }
  return { most, mean: sum / a.length };
}

const kinds: Readonly<Record<string, () => Promise<Buffer>>> = {
  JPEG: () => picture(301, 203).jpeg({ quality: 90 }).toBuffer(),
  'lossy WebP': () => picture(301, 203).webp({ quality: 90 }).toBuffer(),
  'lossless WebP': () => picture(301, 203).webp({ lossless: true }).toBuffer(),
  'WebP with alpha': () => picture(301, 203, 4).webp({ quality: 90, exact: true }).toBuffer(),
};

describe.each(Object.entries(kinds))('a part of a %s file', (_, encode) => {
  it('is the part of the whole image: crops, rotations, odd places, edges', async () => {
    const bytes = await encode();
    const recipes: readonly (readonly ImageTransform[])[] = [
      [centerCrop([61, 33])],
      [randomResizedCrop(40)],
      [randomResizedCrop(50, { scale: [0.05, 0.2] }), augment.randomRotation(30)],
      [augment.randomAffine(20, { scale: [0.5, 2] })],
    ];
    for (const steps of recipes) {
      for (let seed = 0; seed < 8; seed++) {
        const [part, whole] = await Promise.all([
          run(bytes, steps, 'auto', seed),
          run(bytes, steps, 'sharp', seed),
        ]);
        expect(part.shape).toEqual(whole.shape);
        const { most, mean } = differences(part.data, whole.data);
        // A part is made smaller by another fraction of a pixel than the whole.
        expect(mean, `seed ${seed} ${JSON.stringify(steps)}`).toBeLessThan(0.6);
        if (steps.length === 1 && steps[0] !== recipes[3]![0]) expect(most).toBeLessThanOrEqual(1);
      }
    }
  });

  it('is close to it if it is shrunk during decoding', async () => {
    const bytes = await encode();
    const [shrunk, whole] = await Promise.all([
      run(bytes, [resize([22, 33])], 'auto'),
      run(bytes, [resize([22, 33])], 'sharp'),
    ]);
    expect(differences(shrunk.data, whole.data).mean).toBeLessThan(1.5);
  });

  it('is refused if the file is cut off, wherever the part is', async () => {
    const bytes = await encode();
    for (const steps of [[], [augment.randomCrop(10)]])
      await expect((async () => run(bytes.subarray(0, -60), steps, 'auto'))()).rejects.toThrow(FormatError);
  });
});

it('leaves a moving WebP to sharp, which decodes its first frame', async () => {
  const frames = await picture(40, 60).toColorspace('srgb').png().toBuffer();
  const moving = await sharp(frames)
    .extend({ bottom: 60, background: '#000' })
    .webp({ lossless: true })
    .toBuffer();
  const animated = await sharp(Buffer.concat([moving]), { animated: true })
    .webp({ lossless: true })
    .toBuffer();
  const made = await run(animated, [], 'auto');
  expect(differences(made.data, (await run(animated, [], 'sharp')).data).most).toBe(0);
});

it('libwebp refuses other files, and decodes the next one', async () => {
  const webp = NativeWebp.open();
  if (!webp) return;
  const bytes = await picture(30, 20).webp({ lossless: true }).toBuffer();
  const needed = { x: 0, y: 0, width: 30, height: 20 };
  const decode = (file: Uint8Array) => webp.decode(file, () => ({ needed, shrink: 1 }), imageWorkspace());
  for (const damage of [
    bytes.subarray(0, 30),
    new Uint8Array(40),
    Buffer.concat([bytes.subarray(0, 60), Buffer.alloc(200, 7)]),
  ]) {
    expect(decode(damage)).toHaveProperty('refused');
    expect(decode(bytes)).toHaveProperty('image');
  }
});

it('decodes at most four images at once in a thread, however many datasets and samples wait', () => {
  const program = fileURLToPath(new URL('../fixtures/count-decodes.js', import.meta.url));
  const counted = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' })) as object;
  expect(counted).toEqual({ most: 4, images: 60 });
});
