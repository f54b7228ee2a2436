import { readFileSync } from 'node:fs';
import { tensor } from 'millrace';
import { FormatError } from 'millrace/errors';
import { ImagePipeline, randomHorizontalFlip } from 'millrace/images';
import { sampleContext } from 'millrace/random';
import sharp from 'sharp';
import { expect, it } from 'vitest';

interface MaskCase {
  readonly name: string;
  readonly png: string;
  readonly shape: readonly [number, number];
  readonly values: readonly number[];
}
const { cases } = JSON.parse(
  readFileSync(new URL('../golden/vision/masks.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly MaskCase[] };

const black = (height: number, width: number) =>
  tensor(new Uint8Array(3 * height * width), [3, height, width]);
const decode = async (mask: Uint8Array, [height, width]: readonly [number, number], options = {}) =>
  (await new ImagePipeline([], options).apply({ image: black(height, width), mask }, sampleContext(3))).mask;

it.each(cases)('reads the classes of numpy and Pillow: $name', async ({ png, shape, values }) => {
  const mask = await decode(Buffer.from(png, 'base64'), shape);
  expect(mask.shape).toEqual(shape);
  expect(mask.dtype).toBe(Math.max(...values) > 255 ? 'uint16' : 'uint8');
  expect([...mask.data]).toEqual(values);
});

it('reads an interlaced palette', async () => {
  const levels = Uint8Array.from({ length: 20 * 30 }, (_, i) => (i * 7) % 5);
  const colors = Uint8Array.from([...levels].flatMap((level) => [level * 50, 255 - level * 40, level]));
  const made = sharp(colors, { raw: { width: 30, height: 20, channels: 3 } });
  const interlaced = await made.png({ palette: true, progressive: true, dither: 0 }).toBuffer();
  expect(interlaced[28]).toBe(1);
  const mask = await decode(interlaced, [20, 30]);
  // The writer orders the palette: equal classes stay equal, and different ones different.
  const pairs = new Set([...mask.data].map((index, i) => `${levels[i]} ${index}`));
  expect(pairs.size).toBe(5);
});

it('moves a mask with its image', async () => {
  const { png, shape, values } = cases.find(({ name }) => name === 'palette of 8 bits')!;
  const pipeline = new ImagePipeline([randomHorizontalFlip(1)]);
  const sample = { image: black(...shape), mask: Buffer.from(png, 'base64') };
  const { mask } = await pipeline.apply(sample, sampleContext(0));
  const [height, width] = shape;
  const flipped = Array.from({ length: height }, (_, y) =>
    values.slice(y * width, (y + 1) * width).reverse(),
  );
  expect([...mask.data]).toEqual(flipped.flat());
});

it('refuses what holds no classes, names the sample, and says what to save', async () => {
  const color = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  await expect(decode(color, [4, 4])).rejects.toThrow(/it has colors, not classes.*sample 3/s);
  const jpeg = await sharp(color).jpeg().toBuffer();
  await expect(decode(jpeg, [4, 4])).rejects.toThrow(/not a PNG file.*Save masks as PNG/s);
  const whole = Buffer.from(cases[0]!.png, 'base64');
  for (let end = 8; end < whole.length - 4; end++)
    await expect(decode(whole.subarray(0, end), cases[0]!.shape)).rejects.toThrow(FormatError);
  await expect(decode(whole, cases[0]!.shape, { maxPixels: 100 })).rejects.toThrow(FormatError);
});
