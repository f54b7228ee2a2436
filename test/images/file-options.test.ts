// What Pillow gives for images with options: test/fixtures/image-options has the script that made the pixels.
import { readFileSync } from 'node:fs';
import type { SampleContext } from 'millrace';
import { ConfigError, FormatError } from 'millrace/errors';
import { centerCrop, ImagePipeline } from 'millrace/images';
import { describe, expect, it } from 'vitest';

const folder = new URL('../fixtures/image-options/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder));
const cases = JSON.parse(read('cases.json').toString()) as readonly {
  readonly name: string;
  readonly file: string;
  readonly shape: readonly number[];
  readonly options: object;
  readonly tolerance: number;
  readonly bytes?: number;
}[];
const context = {} as SampleContext;

describe.each(['auto', 'sharp'] as const)('with the decoder %s', (decoder) => {
  it.each(cases)("$name has Pillow's pixels with $options", async (one) => {
    const { file, shape, options, tolerance, bytes } = one;
    const pipeline = new ImagePipeline([], { layout: 'NHWC', decoder, ...options });
    const { shape: found, data } = await pipeline.run(read(file).subarray(0, bytes), file, context);
    expect(found).toEqual(shape);
    const expected = read(`${one.name}.raw`);
    let most = 0;
    for (let i = 0; i < expected.length; i++) most = Math.max(most, Math.abs(expected[i]! - data[i]!));
    expect(most).toBeLessThanOrEqual(tolerance);
  });

  it.each(cases.filter(({ bytes }) => bytes))('$name is an error by default', async ({ file, bytes }) => {
    const pipeline = new ImagePipeline([], { decoder });
    const made = (async () => pipeline.run(read(file).subarray(0, bytes), file, context))();
    await expect(made).rejects.toThrow(FormatError);
  });

  it('the part of a truncated JPEG does not decide its pixels', async () => {
    const bytes = read('../images/color.jpg').subarray(0, 2_500);
    const options = { decoder, truncated: 'accept', exact: true } as const;
    const whole = await new ImagePipeline([], options).run(bytes, 'a', context);
    const part = await new ImagePipeline([centerCrop(20)], options).run(bytes, 'a', context);
    const [height, width] = whole.shape.slice(1) as [number, number];
    const expected = Array.from({ length: 1200 }, (_, i) => {
      const [c, y, x] = [Math.floor(i / 400), Math.floor(i / 20) % 20, i % 20];
      return whole.data[c * height * width + (y + (height - 20) / 2) * width + x + (width - 20) / 2];
    });
    expect(Array.from(part.data)).toEqual(expected);
  });
});

describe('truncated files that are accepted', () => {
  it('keep the limit of pixels, which is checked before memory is taken', async () => {
    const png = Uint8Array.from(read('../image-kinds/turned.png').subarray(0, 200));
    // A claim of 2^31 - 1 rows.
    png.set([0x7f, 0xff, 0xff, 0xff], 20);
    const pipeline = new ImagePipeline([], { truncated: 'accept' });
    await expect((async () => pipeline.run(png, 'large.png', context))()).rejects.toThrow(/more pixels/);
  });

  it('are an error where nothing tells the size, and in formats that Pillow does not complete', async () => {
    const pipeline = new ImagePipeline([], { truncated: 'accept' });
    const cut = async (name: string, length: number) =>
      pipeline.run(read(`../image-kinds/${name}`).subarray(0, length), name, context);
    await expect(cut('turned.png', 20)).rejects.toThrow(FormatError);
    await expect(cut('turned.webp', 200)).rejects.toThrow(FormatError);
    await expect(cut('p3.ppm', 100)).rejects.toThrow(/ends too early/);
  });
});

it('options that contradict each other or do not exist are errors', () => {
  expect(() => new ImagePipeline([], { channels: 4, background: [0, 0, 0] })).toThrow(ConfigError);
  expect(() => new ImagePipeline([], { truncated: 'yes' as 'accept' })).toThrow(/'error' or 'accept'/);
  expect(() => new ImagePipeline([], { orientations: 'upright' } as object)).toThrow(
    /did you mean orientation/,
  );
});
