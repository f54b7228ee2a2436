// What a pipeline makes of an image besides its pixels: channels, dtypes, several crops, steps of the user at any point.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type Tensor, tensor } from 'millrace';
import { ConfigError, ShapeError, WorkerTransferError } from 'millrace/errors';
import {
  augment,
  centerCrop,
  colorJitter,
  functional,
  ImagePipeline,
  type ImageTransform,
  normalize,
  randomHorizontalFlip,
  resize,
} from 'millrace/images';
import { describe, expect, it } from 'vitest';
import { halfBits } from '../../dist/images/half-float.js';
import { movableSteps } from '../../dist/images/movable-steps.js';
import { context } from './context.js';

const bytes = readFileSync(new URL('../fixtures/images/alpha.png', import.meta.url));
const run = (steps: readonly ImageTransform[], options: object = {}, seed = 1) =>
  new ImagePipeline(steps, options).run(bytes, 'alpha.png', context(seed));

/** Every step that changes pixels. */
const everyStep: readonly ImageTransform[] = [
  colorJitter({ brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.3 }),
  augment.randomGrayscale(1),
  augment.gaussianBlur({ kernelSize: 3 }),
  augment.randomInvert(1),
  augment.randomPosterize(3, 1),
  augment.randomSolarize(90, 1),
  augment.randomAdjustSharpness(2, 1),
  augment.randomAutocontrast(1),
  augment.randomEqualize(1),
  augment.randAugment(),
  augment.trivialAugmentWide(),
  augment.autoAugment(),
  augment.augMix(),
  augment.randomErasing({ probability: 1, value: 'random' }),
];

describe('channels', () => {
  it.each([1, 3, 4] as const)('%i: every step keeps them, in both layouts', async (channels) => {
    for (const step of everyStep)
      for (const layout of ['NCHW', 'NHWC'] as const) {
        const made = await run([resize([20, 24]), step, augment.randomRotation(9)], { channels, layout });
        expect(made.shape).toEqual(layout === 'NCHW' ? [channels, 20, 24] : [20, 24, channels]);
      }
  });

  it('alpha moves with the colors, and steps that change colors leave it as it is', async () => {
    const moved = await run([resize([20, 24]), randomHorizontalFlip(1)], { channels: 4 });
    for (const step of everyStep.filter(
      (one) => !/augment|trivial|augMix/i.test((one as { type: string }).type),
    )) {
      const made = await run([resize([20, 24]), randomHorizontalFlip(1), step], { channels: 4 });
      expect(made.data.subarray(3 * 480)).toEqual(moved.data.subarray(3 * 480));
    }
  });

  it('normalize has as many means', async () => {
    const made = await run([resize([8, 8]), normalize({ mean: [0.5], std: [0.25] })], { channels: 1 });
    const levels = await run([resize([8, 8])], { channels: 1 });
    expect(made).toMatchObject({ dtype: 'float32', shape: [1, 8, 8] });
    for (let i = 0; i < 64; i++) expect(made.data[i]).toBeCloseTo((levels.data[i]! / 255 - 0.5) / 0.25, 5);
    expect(() => new ImagePipeline([normalize()], { channels: 1 })).toThrow(/channels: is 1.*3 means/);
    expect(() => normalize({ mean: [0.5], std: [1, 1, 1] })).toThrow(ConfigError);
  });
});

describe('dtypes', () => {
  it('float32 without normalize is from 0 to 1, and float16 is the nearest of float32', async () => {
    const steps = [resize([9, 7])];
    const [levels, floats, halves] = await Promise.all([
      run(steps),
      run(steps, { dtype: 'float32' }),
      run(steps, { dtype: 'float16' }),
    ]);
    expect(Array.from(floats!.data)).toEqual(
      Array.from(levels!.data, (level) => Math.fround(level * Math.fround(1 / 255))),
    );
    expect(halves!.dtype).toBe('uint16');
    expect(Array.from(halves!.data)).toEqual(Array.from(floats!.data, halfBits));
    expect(() => new ImagePipeline([normalize()], { dtype: 'uint8' })).toThrow(/dtype/);
  });

  it('float16 after erasing and steps of the user is the nearest of float32', async () => {
    const steps = [
      resize([16, 16]),
      normalize(),
      augment.randomErasing({ probability: 1, value: 'random' }),
      augment.afterNormalize((image) => image),
    ];
    for (const layout of ['NCHW', 'NHWC']) {
      const floats = await run(steps, { layout });
      const halves = await run(steps, { layout, dtype: 'float16' });
      expect(Array.from(halves.data)).toEqual(Array.from(floats.data, halfBits));
    }
  });

  it('the bits of float16 are the nearest, halves to even, for any number', () => {
    const halfOf = (bits: number): number => {
      const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
      const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
      return bits & 0x8000 ? -size : size;
    };
    for (let bits = 0; bits < 0x7c00; bits++) {
      expect(halfBits(halfOf(bits))).toBe(bits);
      if (bits === 0x7bff) continue;
      const [low, high] = [halfOf(bits), halfOf(bits + 1)];
      expect(halfBits((low + high) / 2)).toBe(bits % 2 === 0 ? bits : bits + 1);
    }
    expect([65_519, 65_520, -1e9, Number.NaN, -0].map(halfBits)).toEqual([
      0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000,
    ]);
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -65_504, max: 65_504 }), (value) => {
        const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(value) || 1e-9)) - 10));
        expect(Math.abs(halfOf(halfBits(value)) - value)).toBeLessThanOrEqual(step / 2);
      }),
    );
  });
});

describe('steps of the user', () => {
  it('run before, between and behind the others', async () => {
    const seen: string[] = [];
    const see = (name: string) => (image: Tensor<'uint8'>) => {
      seen.push(`${name} ${image.dtype} ${image.shape}`);
      return image;
    };
    const made = await run(
      [
        see('first'),
        resize([10, 12]),
        see('second'),
        normalize(),
        augment.afterNormalize((image) => {
          seen.push(`third ${image.dtype} ${image.shape}`);
          return tensor(
            image.data.map((value) => 2 * value),
            [...image.shape],
          );
        }),
        augment.randomErasing({ probability: 0 }),
      ],
      { layout: 'NHWC' },
    );
    const once = await run([see('again'), resize([10, 12]), normalize()], { layout: 'NHWC' });
    expect(seen.slice(1, 3)).toEqual(['second uint8 3,10,12', 'third float32 3,10,12']);
    expect(Array.from(made.data)).toEqual(Array.from(once.data, (value) => 2 * value));
  });

  it('that return another shape, come too early or cannot be moved are errors that say so', async () => {
    const wrong = augment.afterNormalize(() => tensor(Float32Array.of(1), [1, 1, 1]));
    await expect((async () => run([normalize(), wrong]))()).rejects.toThrow(ShapeError);
    expect(() => new ImagePipeline([wrong])).toThrow(/needs a normalize before it/);
    expect(() => movableSteps([normalize(), wrong])).toThrow(WorkerTransferError);
  });
});

describe('five and ten crops', () => {
  it.each(['NCHW', 'NHWC'] as const)(
    'are those of the functional form, normalized, in %s',
    async (layout) => {
      const image = (await run([resize([20, 24])])) as Tensor<'uint8'>;
      const five = await run([resize([20, 24]), augment.fiveCrop([8, 6])]);
      expect(five.shape).toEqual([5, 3, 8, 6]);
      const expected = functional.fiveCrop(image, { size: [8, 6] });
      expect(Array.from(five.data)).toEqual(expected.flatMap(({ data }) => Array.from(data)));
      const ten = await run([resize([20, 24]), augment.tenCrop(7, { verticalFlip: true }), normalize()], {
        layout,
      });
      expect(ten.shape).toEqual(layout === 'NCHW' ? [10, 3, 7, 7] : [10, 7, 7, 3]);
      const last = functional.tenCrop(image, { size: 7, verticalFlip: true })[9]!;
      const pipeline = new ImagePipeline([normalize()], { layout });
      const { image: finished } = await pipeline.apply({ image: last }, context());
      expect(ten.data.subarray(9 * 147)).toEqual(finished.data);
    },
  );

  it('refuse what cannot follow them, images that are smaller, and masks', async () => {
    expect(() => new ImagePipeline([augment.fiveCrop(4), centerCrop(2)])).toThrow(
      /cannot come after fiveCrop/,
    );
    await expect((async () => run([resize([4, 4]), augment.tenCrop(5)]))()).rejects.toThrow(/does not fit/);
    const pipeline = new ImagePipeline([augment.fiveCrop(2)]);
    const image = tensor(new Uint8Array(48), [3, 4, 4]);
    const sample = { image, mask: tensor(new Uint8Array(16), [4, 4]) };
    expect(() => pipeline.apply(sample, context())).toThrow(/masks, boxes and points cannot follow/);
  });
});
