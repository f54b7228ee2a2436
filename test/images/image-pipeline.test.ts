// Against Pillow, whose results are in test/fixtures/images with the script that made them.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { SampleContext } from 'millrace';
import { FormatError } from 'millrace/errors';
import {
  centerCrop,
  colorJitter,
  ImagePipeline,
  type ImageTransform,
  imageNetStatistics,
  normalize,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
} from 'millrace/images';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { applyColorStep } from '../../dist/images/apply/apply-pixel-step.js';
import { cropMatrix } from '../../dist/images/geometry/crop-geometry.js';
import { joinGeometry } from '../../dist/images/geometry/join-geometry.js';
import { warpImage } from '../../dist/images/geometry/warp-image.js';
import { ImageWorkspace } from '../../dist/images/image-workspace.js';
import { copyPixels, normalizePixels } from '../../dist/images/normalize-pixels.js';
import { planarOf, writePlanar } from '../../dist/images/planar/convert-pixels.js';
import { resample } from '../../dist/images/resample.js';
import { triangleWeights } from '../../dist/images/resample-weights.js';
import { rgbxBytes } from '../../dist/images/rgbx-image.js';
import { TurboJpeg } from '../../dist/images/turbo-jpeg.js';
import { unpackPixels } from '../../dist/images/unpack-pixels.js';
import { SampleRng } from '../../dist/random/sample-rng.js';
import { context } from './context.js';

const folder = new URL('../fixtures/images/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder));
interface Case {
  readonly name: string;
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
  readonly size: readonly [width: number, height: number];
  readonly expected: string;
}
const cases = JSON.parse(read('cases.json').toString()) as readonly Case[];

/** Bytes of an image, three a pixel. */
async function pixelsOf(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await sharp(bytes).removeAlpha().toColorspace('srgb').raw().toBuffer());
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

describe('decoding', () => {
  it('has libjpeg-turbo here: otherwise the rest of this file would test sharp against itself', () => {
    expect(TurboJpeg.open()).toBeDefined();
  });

  it.each(['color.jpg', 'full-chroma.jpg', 'progressive.jpg', 'gray.jpg'])(
    'gives the same pixels of any part of %s as of the whole',
    (name) => {
      const workspace = new ImageWorkspace();
      const turbo = TurboJpeg.open()!;
      const decode = (needed: { x: number; y: number; width: number; height: number }) => {
        const decoded = turbo.decode(read(name), () => ({ needed, shrink: 1 }), workspace);
        if (!('image' in decoded)) throw new Error(JSON.stringify(decoded));
        const { image, x, y } = decoded;
        const at = (column: number, row: number): number[] => [
          ...image.data.subarray(
            4 * ((row - y) * image.width + column - x),
            4 * ((row - y) * image.width + column - x) + 3,
          ),
        ];
        const found: number[][] = [];
        for (let row = needed.y; row < needed.y + needed.height; row++)
          for (let column = needed.x; column < needed.x + needed.width; column++) found.push(at(column, row));
        return found;
      };
      const whole = decode({ x: 0, y: 0, width: 120, height: 90 });
      fc.assert(
        fc.property(fc.tuple(fc.nat(119), fc.nat(119), fc.nat(89), fc.nat(89)), ([x0, x1, y0, y1]) => {
          const [x, y] = [Math.min(x0, x1), Math.min(y0, y1)];
          const [width, height] = [Math.abs(x0 - x1) + 1, Math.abs(y0 - y1) + 1];
          const expected: number[][] = [];
          for (let row = y; row < y + height; row++)
            for (let column = x; column < x + width; column++) expected.push(whole[row * 120 + column]!);
          expect(decode({ x, y, width, height })).toEqual(expected);
        }),
        { numRuns: 30 },
      );
    },
  );

  it.each(['color.jpg', 'full-chroma.jpg', 'progressive.jpg', 'gray.jpg'])(
    'gives crops of %s within one level of those by sharp, five where it shrinks while decoding',
    async (name) => {
      // A crop of 120 × 90 is six times 12 at times, and never with `exact`.
      for (const [size, levels, exact] of [
        [64, 1, false],
        [32, 1, false],
        [12, 5, false],
        [12, 1, true],
      ] as const)
        for (let seed = 0; seed < 20; seed++) {
          const [turbo, general] = await Promise.all(
            (['auto', 'sharp'] as const).map((decoder) =>
              new ImagePipeline([randomResizedCrop(size), randomHorizontalFlip()], { decoder, exact }).run(
                read(name),
                name,
                context(seed),
              ),
            ),
          );
          expect(largestDifference(turbo!.data, general!.data)).toBeLessThanOrEqual(levels);
        }
    },
  );

  it('is not harmed by an image that failed: the next one has the same pixels', async () => {
    const good = read('color.jpg');
    const pipeline = new ImagePipeline([]);
    const expected = await pipeline.run(good, 'good', context(1));
    // Damage in the header, in the scan, and a refusal of the size in between.
    const rng = new SampleRng(3, 0, 0);
    for (let k = 0; k < 60; k++) {
      const bad = Uint8Array.from(good);
      bad[rng.integer(2, good.length)] = rng.integer(0, 256);
      const cut = k % 3 === 0 ? bad.subarray(0, rng.integer(2, bad.length)) : bad;
      await (async () => pipeline.run(cut, 'bad', context(1)))().catch((error: unknown) => {
        if (!(error instanceof FormatError)) throw error;
      });
      const { data } = await pipeline.run(good, 'good', context(1));
      expect(largestDifference(data, expected.data)).toBe(0);
    }
  });

  it('has a decoder without a past after a failure: in the header, in the scan, by the user', () => {
    const turbo = TurboJpeg.open()!;
    const workspace = new ImageWorkspace();
    const needed = { x: 0, y: 0, width: 120, height: 90 };
    const decode = (bytes: Uint8Array) => turbo.decode(bytes, () => ({ needed, shrink: 1 }), workspace);
    const good = read('color.jpg');
    const warned = Uint8Array.from(good);
    warned.fill(0, 11, 13);
    const tooLarge = () => {
      throw new RangeError('too large');
    };
    for (const fail of [
      () => decode(warned),
      () => decode(good.subarray(0, 300)),
      () => decode(good.subarray(0, 3_000)),
      () => expect(() => turbo.decode(good, tooLarge, workspace)).toThrow(RangeError),
    ])
      for (let k = 0; k < 3; k++) {
        fail();
        expect(decode(good)).toHaveProperty('image');
      }
  });

  it('reads what Pillow reads with a warning, with both decoders alike', async () => {
    // A revision number that does not exist, and stray bytes before the end mark.
    const revision = Uint8Array.from(read('color.jpg'));
    revision[11] = 0;
    revision[12] = 0;
    const good = read('color.jpg');
    const stray = Buffer.concat([good.subarray(0, -2), Buffer.from([0x11, 0x22]), good.subarray(-2)]);
    const expected = await new ImagePipeline([]).run(good, 'good', context(1));
    for (const bytes of [revision, stray])
      for (const decoder of ['auto', 'sharp'] as const) {
        const made = await new ImagePipeline([], { decoder }).run(bytes, 'warned', context(1));
        expect(largestDifference(made.data, expected.data)).toBeLessThanOrEqual(1);
      }
  });

  it('is an error with the file for damaged bytes, in libjpeg-turbo and in sharp', async () => {
    const cut = read('color.jpg').subarray(0, 2_000);
    for (const decoder of ['auto', 'sharp'] as const) {
      const pipeline = new ImagePipeline([], { decoder });
      const made = (async () => pipeline.run(cut, 'a/cut.jpg', context(1)))();
      await expect(made).rejects.toThrow(FormatError);
      await expect(made).rejects.toMatchObject({ where: { file: 'a/cut.jpg' } });
    }
    // Cut short below the crop too.
    const short = read('color.jpg').subarray(0, -600);
    const top = new ImagePipeline([{ type: 'centerCrop', size: [10, 10] }]);
    await expect((async () => top.run(short, 'short.jpg', context(1)))()).rejects.toThrow(/short\.jpg/);
    const text = (async () => new ImagePipeline([]).run(Buffer.from('no image'), 'b.txt', context(1)))();
    await expect(text).rejects.toThrow(/The image cannot be decoded: .*\(file b\.txt\)/);
  });
});

describe('resampling', () => {
  it(`is within one level of Pillow's, with SIMD and without, and exactly Pillow's if warped in one step: ${cases.length} cases`, async () => {
    for (const { name, box, size, expected } of cases) {
      const [left, top, right, bottom] = box;
      const part = { x: left, y: top, width: right - left, height: bottom - top };
      const [width, height] = size;
      const geometry = { box: part, visible: part, width, height, flip: false, flipDown: false };
      const pillow = await pixelsOf(read(expected));
      const { data, info } = await sharp(read(name))
        .removeAlpha()
        .toColorspace('srgb')
        .raw()
        .toBuffer({ resolveWithObject: true });
      const results = [undefined, null].map((kernels) => {
        const workspace = new ImageWorkspace(kernels);
        const image = resample(unpackPixels({ ...info, data }, workspace), geometry, workspace);
        const pixels = new Uint8Array(3 * size[0] * size[1]);
        copyPixels(image, 'NHWC', pixels, workspace);
        return pixels;
      });
      expect(results[1]).toEqual(results[0]);
      expect(largestDifference(results[0]!, pillow), `${name} ${box} ${size}`).toBeLessThanOrEqual(1);
      const decoded = planarOf(unpackPixels({ ...info, data }, new ImageWorkspace(null)));
      const joined = { crop: geometry, matrix: cropMatrix(geometry), fill: 0, filter: 'bilinear' } as const;
      const exact = new Uint8Array(pillow.length);
      writePlanar(warpImage(decoded, { ...joined, width, height }), 'NHWC', exact);
      expect(largestDifference(exact, pillow), `${name} ${box} ${size}, exactly`).toBe(0);
    }
  });

  it('is the same with SIMD and without, for any part, size, flip and scaling', () => {
    fc.assert(
      fc.property(
        fc.record({
          image: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
          size: fc.tuple(fc.integer({ min: 1, max: 33 }), fc.integer({ min: 1, max: 33 })),
          part: fc.tuple(
            fc.double({ min: 0, max: 1, noNaN: true }),
            fc.double({ min: 0, max: 1, noNaN: true }),
          ),
          flip: fc.boolean(),
          layout: fc.constantFrom('NCHW' as const, 'NHWC' as const),
          seed: fc.nat(),
        }),
        ({ image: [width, height], size, part, flip, layout, seed }) => {
          const rng = new SampleRng(seed, 0, 0);
          const visible = { x: 0, y: 0, width, height };
          const box = {
            x: (part[0] * width) / 2,
            y: (part[1] * height) / 2,
            width: width / 2,
            height: height / 2,
          };
          const geometry = { box, visible, width: size[0], height: size[1], flip, flipDown: false };
          const scaling = { scale: [0.017, 0.5, 3], bias: [-2, 0.1, 0] } as const;
          const pixels = Uint8Array.from({ length: 4 * width * height }, () => rng.integer(0, 256));
          const [fast, plain] = [undefined, null].map((kernels) => {
            const workspace = new ImageWorkspace(kernels);
            const data = workspace.bytes('decoded', rgbxBytes(width, height));
            data.set(pixels);
            const shown = resample({ width, height, data }, geometry, workspace);
            const target = new Float32Array(3 * size[0] * size[1]);
            normalizePixels(shown, scaling, layout, target, workspace);
            return target;
          });
          expect(fast).toEqual(plain);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('has weights that add up to one, however much an image shrinks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(2 as const, 4 as const),
        (length, share, n, multipleOf) => {
          const part = { start: (length * (1 - share)) / 2, length: length * share };
          const { weights, taps, starts } = triangleWeights(part, { start: 0, length }, n, multipleOf);
          expect(taps % multipleOf).toBe(0);
          for (let i = 0; i < n; i++) {
            expect(weights.subarray(i * taps, (i + 1) * taps).reduce((sum, weight) => sum + weight, 0)).toBe(
              16_384,
            );
            expect(starts[i]).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      // A center just below one and a half: rounding finds three pixels for two taps.
      { numRuns: 1000, examples: [[3, 0.01, 1, 2]] },
    );
  });

  it('leaves an image as it is at its own size, and an even area even', async () => {
    const made = await new ImagePipeline([], { layout: 'NHWC' }).run(
      read('color.png'),
      'color.png',
      context(1),
    );
    expect(made.data).toEqual(await pixelsOf(read('color.png')));
    const even = await sharp({ create: { width: 50, height: 40, channels: 3, background: '#4080c0' } })
      .png()
      .toBuffer();
    const resized = await new ImagePipeline([resize([13, 61])], { layout: 'NHWC' }).run(
      even,
      'even.png',
      context(1),
    );
    expect(new Set(resized.data)).toEqual(new Set([0x40, 0x80, 0xc0]));
  });

  it('shrinks large JPEGs while decoding, within three levels of resampling the whole; within one if exact', async () => {
    for (const [exact, levels] of [
      [false, 3],
      [true, 1],
    ] as const) {
      const pipeline = new ImagePipeline([resize([45, 60])], { layout: 'NHWC', exact });
      const made = await pipeline.run(read('large.jpg'), 'large.jpg', context(1));
      expect(largestDifference(made.data, await pixelsOf(read('expected/large.png')))).toBeLessThanOrEqual(
        levels,
      );
    }
  });
});

describe('transforms', () => {
  const shapes = (steps: readonly ImageTransform[], size: { width: number; height: number }, seed = 1) =>
    joinGeometry(steps as never, size, new SampleRng(seed, 0, 0)).crop!;

  it('are joined into one crop and one size', () => {
    const image = { width: 400, height: 300 };
    expect(shapes([resize(150)], image)).toMatchObject({
      width: 200,
      height: 150,
      box: { x: 0, y: 0, width: 400, height: 300 },
    });
    expect(shapes([resize(150), centerCrop(100)], image)).toMatchObject({
      width: 100,
      height: 100,
      box: { x: 100, y: 50, width: 200, height: 200 },
      visible: { x: 0, y: 0, width: 400, height: 300 },
    });
    expect(shapes([centerCrop([200, 100]), resize(50)], image)).toMatchObject({
      width: 50,
      height: 100,
      box: { x: 150, y: 50, width: 100, height: 200 },
      visible: { x: 150, y: 50, width: 100, height: 200 },
    });
    expect(shapes([randomHorizontalFlip(1), randomHorizontalFlip(1)], image).flip).toBe(false);
  });

  it('take crops from where they look, also after a flip', () => {
    const crop = { type: 'centerCrop', size: [10, 11] } as const;
    expect(shapes([randomHorizontalFlip(1), crop], { width: 20, height: 10 }).box).toMatchObject({
      x: 5,
      y: 0,
    });
  });

  it('crop at random within the requested area and aspect ratio, differently each time', () => {
    const image = { width: 400, height: 300 };
    const areas: number[] = [];
    for (let seed = 0; seed < 2_000; seed++) {
      const { box, width, height } = shapes([randomResizedCrop(64, { scale: [0.2, 0.6] })], image, seed);
      expect([width, height]).toEqual([64, 64]);
      expect(box.x + box.width).toBeLessThanOrEqual(400);
      expect(box.y + box.height).toBeLessThanOrEqual(300);
      expect(box.width / box.height).toBeGreaterThan(0.74);
      expect(box.width / box.height).toBeLessThan(1.35);
      areas.push((box.width * box.height) / 120_000);
    }
    expect(Math.min(...areas)).toBeGreaterThan(0.19);
    expect(Math.max(...areas)).toBeLessThan(0.61);
    expect(areas.reduce((sum, area) => sum + area, 0) / 2_000).toBeCloseTo(0.4, 1);
    // No crop of these shapes fits: the largest in the middle that does.
    expect(shapes([randomResizedCrop(8, { scale: [1, 1] })], { width: 100, height: 10 }).box).toEqual({
      x: 43,
      y: 0,
      width: 13,
      height: 10,
    });
  });

  it('normalize as (value / 255 - mean) / std, in both layouts', async () => {
    const bytes = await new ImagePipeline([resize([6, 8])], { layout: 'NHWC' }).run(
      read('color.jpg'),
      'x',
      context(1),
    );
    const nchw = await new ImagePipeline([resize([6, 8]), normalize()]).run(
      read('color.jpg'),
      'x',
      context(1),
    );
    const nhwc = await new ImagePipeline([resize([6, 8]), normalize()], { layout: 'NHWC' }).run(
      read('color.jpg'),
      'x',
      context(1),
    );
    expect(nchw.shape).toEqual([3, 6, 8]);
    const { mean, std } = imageNetStatistics;
    for (let pixel = 0; pixel < 48; pixel++) {
      for (const c of [0, 1, 2] as const) {
        const expected = (bytes.data[3 * pixel + c]! / 255 - mean[c]) / std[c];
        expect(nchw.data[48 * c + pixel]).toBeCloseTo(expected, 5);
        expect(nhwc.data[3 * pixel + c]).toBe(nchw.data[48 * c + pixel]);
      }
    }
  });

  it('jitter colors: factors of 1 change nothing, 0 gives black, gray or one gray, a full turn of the hue comes back', () => {
    const rng = new SampleRng(5, 0, 0);
    const image = {
      channels: 3,
      width: 5,
      height: 3,
      data: Uint8Array.from({ length: 45 }, (_, i) => (i * 37) % 256),
    };
    const jitter = (options: Parameters<typeof colorJitter>[0], random: SampleContext['rng']) =>
      applyColorStep(image, colorJitter(options), random);
    expect(jitter({}, rng).data).toEqual(image.data);
    const fixed = { ...rng, float: () => 0, integer: () => 0 } as never;
    expect(new Set(jitter({ brightness: 1 }, fixed).data)).toEqual(new Set([0]));
    const gray = jitter({ saturation: 1 }, fixed).data;
    for (let pixel = 0; pixel < 15; pixel++)
      expect(new Set([gray[pixel], gray[15 + pixel], gray[30 + pixel]]).size).toBe(1);
    expect(new Set(jitter({ contrast: 1 }, fixed).data).size).toBe(1);
    const turned = applyColorStep(jitter({ hue: 0.5 }, fixed), colorJitter({ hue: 0.5 }), fixed);
    expect(largestDifference(turned.data, image.data)).toBeLessThanOrEqual(2);
  });

  it('are refused in an order that has no meaning, and with impossible numbers', () => {
    expect(() => new ImagePipeline([normalize(), resize(5)])).toThrow(
      /\[1\].*resize cannot come after normalize/,
    );
    expect(() => randomResizedCrop(0)).toThrow(/size/);
    expect(() => randomResizedCrop(5, { scale: [1, 0.5] })).toThrow(/low first/);
    expect(() => colorJitter({ hue: 0.7 })).toThrow(/0\.5 or less/);
    expect(() => normalize({ mean: [0, 0, 0], std: [1, 0, 1] })).toThrow(/above 0/);
    expect(() => shapes([centerCrop(50)], { width: 60, height: 40 })).toThrow(
      /does not fit into an image of 40 × 60/,
    );
  });
});
