import fc from 'fast-check';
import { type Tensor, tensor } from 'millrace';
import { ShapeError } from 'millrace/errors';
import {
  augment,
  centerCrop,
  colorJitter,
  ImagePipeline,
  type ImageSample,
  type ImageTransform,
  normalize,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
} from 'millrace/images';
import { sampleContext } from 'millrace/random';
import { describe, expect, it } from 'vitest';

const [height, width] = [40, 50];

/** A black image with a white rectangle, and its mask, box and corners. */
function sampleOf([left, top, right, bottom]: readonly [number, number, number, number]) {
  const mask = new Uint8Array(height * width);
  for (let y = top; y < bottom; y++) mask.fill(1, y * width + left, y * width + right);
  const image = new Uint8Array(3 * mask.length);
  for (let c = 0; c < 3; c++)
    for (const [i, value] of mask.entries()) image[c * mask.length + i] = 255 * value;
  return {
    image: tensor(image, [3, height, width]),
    mask: tensor(mask, [height, width]),
    boxes: tensor(Float32Array.of(left, top, right, bottom), [1, 4]),
    labels: tensor(Int32Array.of(7), [1]),
    points: tensor(Float32Array.of((left + right) / 2, (top + bottom) / 2), [1, 2]),
    name: 'kept',
  };
}

function apply<S extends ImageSample>(
  steps: readonly ImageTransform[],
  sample: S,
  options: Parameters<ImagePipeline['apply']>[2] = {},
  seed = 1,
) {
  const made = new ImagePipeline(steps).apply(sample, sampleContext(0, { seed }), options);
  if (made instanceof Promise) throw new Error('a tensor needs no decoding');
  return made;
}

/** The box around the pixels of a mask. */
function around({ data, shape }: Tensor): number[] {
  const wide = shape.at(-1)!;
  const places = Array.from(data as Uint8Array, (value, i) =>
    value ? [i % wide, Math.floor(i / wide)] : [],
  );
  const [xs, ys] = [0, 1].map((k) =>
    places.filter((place) => place.length > 0).map((place) => place[k]!),
  ) as [number[], number[]];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
}

const moves: ImageTransform[] = [
  resize([30, 60]),
  centerCrop([28, 30]),
  randomResizedCrop([36, 44], { scale: [0.6, 1] }),
  randomHorizontalFlip(),
  augment.randomVerticalFlip(),
  augment.pad([3, 1, 2, 4]),
  augment.randomCrop([30, 30], { padding: 4 }),
  augment.randomRotation(40),
  augment.randomRotation(180, { expand: true }),
  augment.randomAffine(20, {
    translate: [0.1, 0.1],
    scale: [0.7, 1.3],
    shear: [
      [-10, 10],
      [-10, 10],
    ],
  }),
  augment.randomPerspective({ distortionScale: 0.3, probability: 1 }),
  colorJitter({ brightness: 0.1 }),
];

describe('mask, boxes and points', () => {
  it('follow the image through any steps', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...moves), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (steps, seed) => {
          const sample = sampleOf([18, 14, 33, 27]);
          // Each crop must fit.
          const made = apply(
            [resize([height, width]), ...steps.flatMap((step) => [step, resize([height, width])])],
            sample,
            {},
            seed,
          );
          expect(made.mask.shape).toEqual([height, width]);
          expect(made.image.shape).toEqual([3, height, width]);
          let differing = 0;
          let inside = 0;
          for (let i = 0; i < made.mask.data.length; i++) {
            const isWhite = Number(made.image.data[i]) > 120;
            if (made.mask.data[i]) inside++;
            if (isWhite !== (made.mask.data[i] === 1)) differing++;
          }
          // Edges are soft in the image: a pixel around the rectangle may be on either side.
          expect(differing).toBeLessThanOrEqual(0.2 * inside + 90);
          if (made.boxes.shape[0] === 0 || inside < 30) return;
          const [left, top, right, bottom] = around(made.mask) as [number, number, number, number];
          const box = made.boxes.data;
          expect(left).toBeGreaterThanOrEqual(box[0]! - 1.5);
          expect(top).toBeGreaterThanOrEqual(box[1]! - 1.5);
          expect(right).toBeLessThanOrEqual(box[2]! + 1.5);
          expect(bottom).toBeLessThanOrEqual(box[3]! + 1.5);
          const [x, y] = made.points.data as unknown as [number, number];
          if (x > 1 && y > 1 && x < width - 1 && y < height - 1)
            expect(made.mask.data[Math.floor(y) * width + Math.floor(x)]).toBe(1);
          expect(made.name).toBe('kept');
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a box moves by its four corners', () => {
    const { boxes } = apply([augment.randomRotation([45, 45])], sampleOf([20, 15, 30, 25]));
    // A square around the center, whose diagonal is 14.14.
    expect([...boxes.data].map((value) => value.toFixed(2))).toEqual(['17.93', '12.93', '32.07', '27.07']);
  });

  it('a box that one step pushes out and the next brings back is whole', () => {
    const sample = sampleOf([0, 10, 12, 20]);
    // The crop takes columns 15 to 35. The border restores where the box is, but not its pixels.
    const made = apply([centerCrop([height, 20]), augment.pad([15, 0, 15, 0], { fill: 9 })], sample);
    expect([...made.boxes.data]).toEqual([0, 10, 12, 20]);
    expect([...made.labels.data]).toEqual([7]);
    expect(new Set(made.mask.data)).toEqual(new Set([0]));
    expect([made.image.data[10 * width], made.image.data[10 * width + 20]]).toEqual([9, 0]);
    const turns = [augment.randomRotation([30, 30]), augment.randomRotation([-30, -30])];
    const back = apply(turns, sample);
    for (const [k, value] of [0, 10, 12, 20].entries()) expect(back.boxes.data[k]).toBeCloseTo(value, 3);
    expect(around(back.mask)).toEqual([0, 10, 12, 20]);
  });

  it('a crop hides the pixels around it from image and mask alike, also where a border is scaled', () => {
    const sample = sampleOf([0, 0, 50, 40]);
    const steps = [centerCrop([20, 20]), augment.pad(10), resize([20, 20])];
    const { image, mask } = apply(steps, sample);
    expect(around(mask)).toEqual([5, 5, 15, 15]);
    for (let i = 0; i < 400; i++) {
      const [x, y] = [i % 20, Math.floor(i / 20)];
      const isInside = x > 5 && y > 5 && x < 14 && y < 14;
      const isOutside = x < 4 || y < 4 || x > 15 || y > 15;
      if (isInside) expect(image.data[i]).toBe(255);
      if (isOutside) expect(image.data[i]).toBe(0);
    }
  });

  it('show only the border where a crop lies in it', () => {
    const steps = [augment.randomCrop([1, 1], { padding: [0, 90, 0, 0], fill: 5 }), resize([3, 3])];
    const seen = Array.from({ length: 12 }, (_, seed) =>
      apply(steps, sampleOf([0, 0, 50, 40]), { maskFill: 8 }, seed),
    );
    const borders = seen.filter(({ mask }) => mask.data[0] === 8);
    expect(borders.length).toBeGreaterThan(0);
    for (const { image } of borders) expect(new Set(image.data)).toEqual(new Set([5]));
  });

  it('boxes are clipped, and dropped with their labels and masks by the rules', () => {
    const masks = new Uint8Array(2 * height * width);
    masks[5 * width + 2] = 1;
    masks[height * width + 20 * width + 30] = 1;
    const sample = {
      image: sampleOf([0, 0, 1, 1]).image,
      mask: tensor(masks, [2, height, width]),
      boxes: tensor(Float32Array.of(0, 0, 12, 10, 20, 10, 40, 30), [2, 4]),
      labels: tensor(Int32Array.of(3, 4), [2]),
    };
    const crop = [centerCrop([20, 30])];
    const all = apply(crop, sample);
    expect([...all.boxes.data]).toEqual([10, 0, 30, 20]);
    expect([all.labels.data[0], all.labels.shape[0], all.mask.shape[0]]).toEqual([4, 1, 1]);
    const wide = [centerCrop([36, 40])];
    expect(apply(wide, sample).boxes.shape).toEqual([2, 4]);
    expect(apply(wide, sample, { minBoxSize: 8 }).labels.data).toEqual(Int32Array.of(4));
    expect(apply(wide, sample, { minBoxShare: 0.5 }).labels.data).toEqual(Int32Array.of(4));
  });

  it('boxes can be measured in their masks, which is tighter than a rotated box', () => {
    const disk = new Uint8Array(height * width);
    for (let i = 0; i < disk.length; i++)
      disk[i] = Math.hypot((i % width) + 0.5 - 25, Math.floor(i / width) + 0.5 - 20) < 10 ? 1 : 0;
    const sample = {
      image: tensor(new Uint8Array(3 * height * width), [3, height, width]),
      mask: tensor(disk, [1, height, width]),
      boxes: tensor(Float32Array.of(15, 10, 35, 30), [1, 4]),
    };
    const steps = [augment.randomRotation([45, 45])];
    const [loose, tight] = [false, true].map(
      (boxesFromMask) => apply(steps, sample, { boxesFromMask }).boxes.data,
    ) as [Float32Array, Float32Array];
    expect(loose[2]! - loose[0]!).toBeCloseTo(28.28, 1);
    expect(tight[2]! - tight[0]!).toBeLessThanOrEqual(21);
  });

  it('return the chosen map on request', () => {
    const sample = sampleOf([1, 2, 3, 4]);
    expect(apply([resize([20, 100])], sample, { withGeometry: true }).geometry?.data).toEqual(
      Float64Array.of(2, 0, 0, 0, 0.5, 0, 0, 0, 1),
    );
    expect('geometry' in apply([resize([20, 100])], sample)).toBe(false);
  });

  it('have a value of their own beyond the image, and any dtype', () => {
    const sample = {
      ...sampleOf([1, 2, 3, 4]),
      mask: tensor(new BigInt64Array(height * width), [height, width]),
    };
    const { mask } = apply([augment.pad(1)], sample, { maskFill: 255 });
    expect([mask.dtype, mask.shape, mask.data[0], mask.data[width + 3]]).toEqual([
      'int64',
      [height + 2, width + 2],
      255n,
      0n,
    ]);
  });

  it('are refused if they do not fit the image, or if a function changes its size', () => {
    const sample = sampleOf([1, 2, 3, 4]);
    const wrong = (change: object) => () => apply([], { ...sample, ...change } as never);
    expect(wrong({ mask: tensor(new Uint8Array(4), [2, 2]) })).toThrow(ShapeError);
    expect(wrong({ boxes: tensor(new Float32Array(3), [3]) })).toThrow(/boxes is float32 \[3\]/);
    expect(wrong({ labels: tensor(new Int32Array(2), [2]) })).toThrow(/there are 1 boxes/);
    expect(wrong({ image: tensor(new Uint8Array(8), [2, 2, 2]) })).toThrow(/image is uint8 \[2,2,2\]/);
    expect(() => apply([() => tensor(new Uint8Array(3), [3, 1, 1])], sample)).toThrow(/cannot follow/);
  });

  it('an image of bytes is decoded, and finished as by run', async () => {
    const header = Buffer.from(`P6\n${width} ${height}\n255\n`);
    const file = new Uint8Array(Buffer.concat([header, Buffer.alloc(3 * height * width, 128)]));
    const pipeline = new ImagePipeline([resize([4, 5]), normalize()]);
    const made = await pipeline.apply({ image: file, label: 3 }, sampleContext(0));
    expect(made).toEqual({ image: await pipeline.run(file, 'x', sampleContext(0)), label: 3 });
  });
});
