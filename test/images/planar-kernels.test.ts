// Every kernel of images gives what the plain TypeScript beside it gives.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type Tensor, tensor } from 'millrace';
import {
  augment,
  colorJitter,
  functional,
  ImagePipeline,
  type ImageTransform,
  normalize,
  randomResizedCrop,
  resize,
} from 'millrace/images';
import { describe, expect, it } from 'vitest';
import { imageWorkspace, withoutKernels } from '../../dist/images/image-workspace.js';
import { mixValues } from '../../dist/images/mix-batch.js';
import { meanLevel } from '../../dist/images/planar/level-tables.js';
import { mixLevels } from '../../dist/images/planar/mix-levels.js';
import { unpackPixels } from '../../dist/images/unpack-pixels.js';
import { SampleRng } from '../../dist/random/sample-rng.js';
import { context } from './context.js';

/** Random bytes; few levels, or all. */
function bytesOf(length: number, seed: number): Uint8Array {
  const rng = new SampleRng(seed, 1, 0);
  const levels = [2, 30, 256][seed % 3]!;
  return Uint8Array.from({ length }, () => rng.integer(0, levels) * Math.floor(256 / levels));
}

function imageOf(channels: number, height: number, width: number, seed: number): Tensor<'uint8'> {
  return tensor(bytesOf(channels * height * width, seed), [channels, height, width]);
}

const size = fc.integer({ min: 1, max: 41 });
const factor = fc.double({ min: 0, max: 4, noNaN: true });
const share = fc.double({ min: -1, max: 1, noNaN: true });
const interpolation = fc.constantFrom('nearest' as const, 'bilinear' as const);
const resizing = fc.constantFrom('nearest', 'nearest-exact', 'bilinear', 'bicubic' as const);
const fill = fc.constantFrom(undefined, 0, 7, 200.5);

type Operation = (image: Tensor<'uint8'>) => Tensor<'uint8'> | readonly Tensor<'uint8'>[];

/** An operation with random parameters, and the channels it takes. */
const operations: Readonly<Record<string, readonly [channels: readonly number[], fc.Arbitrary<Operation>]>> =
  {
    adjustBrightness: [
      [1, 3],
      factor.map((brightnessFactor) => (image) => functional.adjustBrightness(image, { brightnessFactor })),
    ],
    adjustContrast: [
      [1, 3],
      factor.map((contrastFactor) => (image) => functional.adjustContrast(image, { contrastFactor })),
    ],
    adjustSaturation: [
      [1, 3],
      factor.map((saturationFactor) => (image) => functional.adjustSaturation(image, { saturationFactor })),
    ],
    adjustHue: [[1, 3], share.map((turn) => (image) => functional.adjustHue(image, { hueFactor: turn / 2 }))],
    rgbToGrayscale: [
      [1, 3],
      fc
        .constantFrom(1 as const, 3 as const)
        .map((numOutputChannels) => (image) => functional.rgbToGrayscale(image, { numOutputChannels })),
    ],
    autocontrast: [[1, 3], fc.constant(functional.autocontrast)],
    equalize: [[1, 3, 4], fc.constant(functional.equalize)],
    adjustSharpness: [
      [1, 3],
      factor.map((sharpnessFactor) => (image) => functional.adjustSharpness(image, { sharpnessFactor })),
    ],
    gaussianBlur: [
      [1, 3, 4],
      fc
        .tuple(fc.integer({ min: 0, max: 4 }), fc.double({ min: 0.1, max: 5, noNaN: true }))
        .map(([half, sigma]) => (image) => {
          const [, height, width] = image.shape as readonly [number, number, number];
          const most = Math.min(half, height - 1, width - 1);
          return functional.gaussianBlur(image, { kernelSize: 2 * most + 1, sigma });
        }),
    ],
    resize: [
      [1, 3, 4],
      fc.tuple(size, size, resizing, fc.boolean()).map(
        ([height, width, filter, antialias]) =>
          (image) =>
            functional.resize(image, { size: [height, width], interpolation: filter, antialias }),
      ),
    ],
    affine: [
      [1, 3, 4],
      fc.tuple(share, share, interpolation, fill).map(
        ([turn, shear, filter, color]) =>
          (image) =>
            functional.affine(image, {
              angle: 180 * turn,
              translate: [Math.round(9 * shear), Math.round(-5 * turn)],
              scale: 1 + shear / 2,
              shear: 40 * shear,
              interpolation: filter,
              ...(color !== undefined && { fill: color }),
            }),
      ),
    ],
    rotate: [
      [1, 3, 4],
      fc.tuple(fc.constantFrom(90, 180, 270, 33, 201.5), fc.boolean(), interpolation).map(
        ([angle, expand, filter]) =>
          (image) =>
            functional.rotate(image, { angle, expand, interpolation: filter }),
      ),
    ],
    // Its depth is 0 in places.
    perspective: [
      [1, 3, 4],
      fc.tuple(share, share, interpolation, fill).map(
        ([a, b, filter, color]) =>
          (image) =>
            functional.perspective(image, {
              coefficients: [1, a, b, b, 1, a, a / 8, -b / 8],
              interpolation: filter,
              ...(color !== undefined && { fill: color }),
            }),
      ),
    ],
    pad: [
      [1, 3, 4],
      fc
        .tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom('constant', 'edge', 'symmetric' as const))
        .map(([padding, paddingMode]) => (image) => {
          const most = Math.min(padding, image.shape[1]!, image.shape[2]!);
          return functional.pad(image, { padding: most, paddingMode });
        }),
    ],
    horizontalFlip: [[1, 3, 4], fc.constant(functional.horizontalFlip)],
    verticalFlip: [[1, 3, 4], fc.constant(functional.verticalFlip)],
  };

it('has kernels on this machine, or this file tests nothing', () => {
  expect(imageWorkspace().kernels).toBeDefined();
  expect(withoutKernels(() => imageWorkspace().kernels)).toBeUndefined();
});

describe('functional', () => {
  it.each(Object.entries(operations))(
    '%s is the same with kernels and without',
    (_, [channels, arbitrary]) => {
      fc.assert(
        fc.property(
          fc.constantFrom(...channels),
          size,
          size,
          fc.nat(),
          arbitrary,
          (c, height, width, seed, run) => {
            const image = imageOf(c, height, width, seed);
            expect(run(image)).toEqual(withoutKernels(() => run(image)));
          },
        ),
      );
    },
  );

  it('sharpens every neighborhood alike: all sums of eight levels, around every level', () => {
    // Three rows, of which the middle one takes all levels, and the others fix the sum.
    for (let step = 0; step <= 255; step += 5) {
      const width = 258;
      const row = Uint8Array.from({ length: width }, (_, x) => Math.min(255, Math.max(0, x - 1)));
      const image = tensor(new Uint8Array(3 * width), [1, 3, width]);
      image.data.fill(step);
      image.data.set(row, width);
      const sharpen = () => functional.adjustSharpness(image, { sharpnessFactor: 1.7 });
      expect(sharpen()).toEqual(withoutKernels(sharpen));
    }
  });
});

describe('what pipelines do beside', () => {
  const recipes: readonly (readonly ImageTransform[])[] = [
    [randomResizedCrop(33), colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.2 })],
    [resize([40, 31]), augment.augMix(), normalize()],
    [augment.randAugment({ interpolation: 'bilinear' }), normalize()],
    [augment.trivialAugmentWide(), randomResizedCrop(20)],
    [augment.randomAffine(40, { fill: 9 }), augment.gaussianBlur({ kernelSize: 5 })],
  ];
  const bytes = readFileSync(new URL('../fixtures/images/color.jpg', import.meta.url));

  it.each(['NCHW', 'NHWC'] as const)('recipes give the same pixels in the layout %s', (layout) => {
    for (const steps of recipes) {
      for (const exact of [false, true]) {
        const run = (seed: number) =>
          new ImagePipeline(steps, { layout, exact }).run(bytes, 'color.jpg', context(seed));
        for (let seed = 0; seed < 4; seed++) expect(run(seed)).toEqual(withoutKernels(() => run(seed)));
      }
    }
  });

  it.each(['uint8', 'int16', 'float32', 'int64'] as const)('masks of %s move alike', (dtype) => {
    const Kind = { uint8: Uint8Array, int16: Int16Array, float32: Float32Array, int64: BigInt64Array }[dtype];
    const values = Array.from(bytesOf(2 * 30 * 40, 1));
    const data = dtype === 'int64' ? BigInt64Array.from(values, BigInt) : new Kind(values as never);
    const mask = { dtype, shape: [2, 30, 40], data } as Tensor;
    const steps = [augment.randomRotation(70), augment.randomPerspective({ probability: 1 })];
    for (let seed = 0; seed < 6; seed++) {
      const sample = { image: imageOf(3, 30, 40, seed), mask };
      const run = () => new ImagePipeline(steps).apply(sample, context(seed), { maskFill: 9 });
      expect(run()).toEqual(withoutKernels(run));
    }
  });

  it('unpacks pixels of 1 to 4 bytes, and inks', () => {
    for (const channels of [1, 2, 3, 4]) {
      for (const isCmyk of channels === 4 ? [false, true] : [false]) {
        for (const [width, height] of [
          [1, 1],
          [3, 1],
          [5, 7],
          [16, 4],
        ] as const) {
          const data = bytesOf(channels * width * height, 2);
          const unpack = () =>
            [false, true].map((withAlpha) =>
              unpackPixels({ width, height, channels, data, isCmyk }, imageWorkspace(), withAlpha)
                .data.slice(0, 4 * width * height)
                // Without alpha, the fourth byte is unused.
                .filter((_, i) => withAlpha || i % 4 !== 3),
            );
          expect(unpack()).toEqual(withoutKernels(unpack));
        }
      }
    }
  });

  it.each([1, 3, 4] as const)('results of %s channels and every dtype are the same', (channels) => {
    for (const dtype of ['uint8', 'float32', 'float16'] as const) {
      for (const layout of ['NCHW', 'NHWC'] as const) {
        const run = () =>
          new ImagePipeline([resize([20, 31])], { channels, dtype, layout }).run(
            bytes,
            'color.jpg',
            context(1),
          );
        expect(run()).toEqual(withoutKernels(run));
      }
    }
  });

  it('batches mix alike, in kernel memory and elsewhere', () => {
    const size = 3 * 90 * 70;
    const values = Float32Array.from(bytesOf(4 * size, 2), (value) => (value - 100) / 7);
    const mixed = (target: Float32Array) => {
      target.set(values);
      mixValues(target, 4, 0.3);
      return target.slice();
    };
    const inKernels = imageWorkspace().bytes('batch', 4 * values.length);
    const slot = new Float32Array(inKernels.buffer, inKernels.byteOffset, values.length);
    const plain = withoutKernels(() => mixed(new Float32Array(values.length)));
    expect(mixed(new Float32Array(values.length))).toEqual(plain);
    expect(mixed(slot)).toEqual(plain);
  });

  it('adds up and mixes levels', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), share, (length, seed, weight) => {
        const data = bytesOf(length, seed);
        const mean = () => meanLevel({ channels: 1, height: 1, width: length, data });
        expect(mean()).toBe(withoutKernels(mean));
        const own = Math.abs(weight);
        const parts = [own, (1 - own) * 0.7, (1 - own) * 0.31].map((part, k) => ({
          data: bytesOf(length, seed + k),
          weight: part,
        }));
        expect(mixLevels(parts)).toEqual(withoutKernels(() => mixLevels(parts)));
      }),
    );
  });
});
