// Against torchvision and Pillow: test/fixtures/images/make_policies.py made the recorded results.
import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from 'millrace';
import { augment, ImagePipeline, type ImageTransform, normalize, resize } from 'millrace/images';
import { describe, expect, it } from 'vitest';
import { applyPolicy } from '../../dist/images/apply/apply-policy.js';
import { autoAugmentPolicies } from '../../dist/images/apply/auto-augment-policies.js';
import * as spaces from '../../dist/images/apply/magnitudes.js';
import { applyOperation, type PolicyOperation } from '../../dist/images/apply/policy-operations.js';
import { cropMatrix, wholeImage } from '../../dist/images/geometry/crop-geometry.js';
import { warpImage } from '../../dist/images/geometry/warp-image.js';
import { movableSteps } from '../../dist/images/movable-steps.js';
import { cropImage } from '../../dist/images/planar/crops.js';
import { SampleRng } from '../../dist/random/sample-rng.js';
import { context } from './context.js';

interface Case {
  readonly policy: 'randAugment' | 'trivialAugmentWide' | 'autoAugment' | 'augMix';
  readonly operation: PolicyOperation;
  readonly bins: number;
  readonly place: number;
  readonly sign: 1 | -1;
  readonly bilinear: boolean;
  readonly fill: number | null;
  readonly magnitude: number;
  readonly want: string;
}
interface Recorded {
  readonly height: number;
  readonly width: number;
  readonly image: string;
  readonly cases: readonly Case[];
  readonly policies: Record<'imagenet' | 'cifar10' | 'svhn', [string, number, number | null][][]>;
  readonly bicubic: readonly {
    readonly box: readonly [left: number, top: number, right: number, bottom: number];
    readonly size: readonly [width: number, height: number];
    readonly want: string;
  }[];
}

const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/policies.json', import.meta.url), 'utf8'),
) as Recorded;
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const { height, width } = recorded;
const image = { channels: 3, height, width, data: bytesOf(recorded.image) };
const spaceOf = {
  randAugment: spaces.randAugmentSpace,
  trivialAugmentWide: spaces.trivialAugmentSpace,
  autoAugment: spaces.autoAugmentSpace,
  augMix: spaces.augMixSpaces.all,
};

describe('policies', () => {
  it('have the magnitudes of torchvision, and each operation its pixels', () => {
    const wrong = recorded.cases.filter(({ policy, operation, bins, place, sign, magnitude, ...one }) => {
      const magnitudes = spaceOf[policy].get(operation);
      if ((magnitudes?.at(place, bins, image) ?? 0) * sign !== magnitude) return true;
      const how = { interpolation: one.bilinear ? 'bilinear' : 'nearest', fill: one.fill } as const;
      const { data } = applyOperation(image, operation, magnitude, how);
      const close = bytesOf(one.want).filter(
        (value, i) => Math.abs(value - data[i]!) <= (one.bilinear ? 1 : 0),
      );
      return close.length < 0.99 * data.length;
    });
    expect(wrong.map(({ want, ...rest }) => rest)).toEqual([]);
  });

  it('have the operations of torchvision, in its order', () => {
    for (const [policy, space] of Object.entries(spaceOf)) {
      const operations = new Set(
        recorded.cases.filter((one) => one.policy === policy).map((one) => one.operation),
      );
      expect([...space.keys()].sort()).toEqual([...operations].sort());
    }
  });

  it('of AutoAugment are those that were published', () => {
    for (const [name, pairs] of Object.entries(recorded.policies)) {
      const ours = autoAugmentPolicies.get(name as 'svhn')!;
      expect(
        ours.map((pair) => pair.map((part) => [part.operation, part.probability, part.magnitude ?? null])),
      ).toEqual(pairs);
    }
  });

  it('choose each operation equally often, with either sign', () => {
    const step = augment.trivialAugmentWide();
    const seen = new Map<string, number>();
    const runs = 1_400;
    for (let seed = 0; seed < runs; seed++) {
      const draws: number[] = [];
      const rng = new SampleRng(seed, 0, 0);
      const integer = rng.integer.bind(rng);
      rng.integer = (low, high) => {
        const drawn = integer(low, high);
        draws.push(drawn);
        return drawn;
      };
      applyPolicy({ channels: 3, height: 1, width: 1, data: new Uint8Array(3) }, step as never, rng);
      seen.set(String(draws[0]), (seen.get(String(draws[0])) ?? 0) + 1);
    }
    expect(seen.size).toBe(14);
    // 100 each are expected; five standard deviations are 48.
    for (const times of seen.values()) expect(Math.abs(times - runs / 14)).toBeLessThan(48);
  });

  it.each([
    ['randAugment', augment.randAugment()],
    ['trivialAugmentWide', augment.trivialAugmentWide()],
    ['autoAugment', augment.autoAugment({ policy: 'svhn' })],
    ['augMix', augment.augMix()],
  ])('%s gives the same image for the same random numbers, and others for others', (_, step) => {
    const run = (seed: number) => applyPolicy(image, step as never, new SampleRng(seed, 0, 0)).data;
    const images = Array.from({ length: 20 }, (_value, seed) => Buffer.from(run(seed)).toString('base64'));
    expect(Buffer.from(run(3)).toString('base64')).toBe(images[3]);
    expect(new Set(images).size).toBeGreaterThan(8);
    expect(image.data).toEqual(bytesOf(recorded.image));
  });

  it('of AugMix leave an even image as it is where no operation changes it', () => {
    const even = { channels: 3, height: 4, width: 4, data: new Uint8Array(48).fill(0) };
    const step = augment.augMix({ allOps: false });
    for (let seed = 0; seed < 10; seed++) {
      const { data } = applyPolicy(even, step as never, new SampleRng(seed, 0, 0));
      expect(data.length).toBe(48);
      expect(new Set(data).size).toBeLessThanOrEqual(2);
    }
  });
});

describe('bicubic resizing', () => {
  it("has Pillow's pixels", () => {
    for (const { box, size, want } of recorded.bicubic) {
      const [left, top, right, bottom] = box;
      const part = cropImage(image, { top, left, height: bottom - top, width: right - left });
      const crop = { ...wholeImage(part), width: size[0], height: size[1] };
      const geometry = { crop, matrix: cropMatrix(crop), fill: 0, filter: 'bicubic' } as const;
      const result = warpImage(part, { ...geometry, width: size[0], height: size[1] });
      expect(Buffer.from(result.data).toString('base64')).toBe(want);
    }
  });
});

/** An uncompressed picture of the recorded image. */
function bitmap(): Uint8Array {
  const header = Buffer.from(`P6\n${width} ${height}\n255\n`);
  const pixels = Uint8Array.from(
    { length: 3 * width * height },
    (_, i) => image.data[(i % 3) * width * height + Math.floor(i / 3)]!,
  );
  return Buffer.concat([header, pixels]);
}

function run(steps: readonly ImageTransform[], seed = 1, options = {}) {
  return new ImagePipeline(steps, options).run(bitmap(), 'image.ppm', context(seed)) as Tensor<'uint8'>;
}

describe('steps of a pipeline', () => {
  it('run in their order: a flip before a change of colors and after it give the same image', () => {
    const flip = augment.randomVerticalFlip(1);
    const invert = augment.randomInvert(1);
    expect(run([flip, invert])).toEqual(run([invert, flip]));
    expect(run([invert, invert, flip, flip])).toEqual(tensor(image.data, [3, height, width]));
  });

  it('add a border of a color, and crop it again', () => {
    const padded = run([augment.pad([1, 2, 3, 4], { fill: [7, 8, 9] })]);
    expect(padded.shape).toEqual([3, height + 6, width + 4]);
    expect([padded.data[0], padded.data[padded.data.length - 1]]).toEqual([7, 9]);
    const places = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const { shape, data } = run([augment.randomCrop([height, width], { padding: 1, fill: 200 })], seed);
      expect(shape).toEqual([3, height, width]);
      places.add(Buffer.from(data).toString('base64'));
    }
    expect(places.size).toBe(9);
  });

  it('erase with normalized values after normalize, in both layouts, and with levels before it', () => {
    const always = { probability: 1, scale: [0.2, 0.2], ratio: [1, 1] } as const;
    const statistics = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
    const after = run([normalize(statistics), augment.randomErasing({ ...always, value: [-5, -6, -7] })]);
    const counts = [-5, -6, -7].map((value) => Array.from(after.data).filter((one) => one === value).length);
    // The square root of a fifth of 13 × 16 is 6.4: a square of 6.
    expect(counts).toEqual([36, 36, 36]);
    const last = run([normalize(statistics), augment.randomErasing({ ...always, value: [-5, -6, -7] })], 1, {
      layout: 'NHWC',
    });
    for (let pixel = 0; pixel < height * width; pixel++)
      for (let c = 0; c < 3; c++)
        expect(last.data[3 * pixel + c]).toBe(after.data[c * height * width + pixel]);
    const before = run([augment.randomErasing({ ...always, value: 'random' })]);
    expect(before.dtype).toBe('uint8');
    expect(before.data.filter((value, i) => value !== image.data[i]).length).toBeGreaterThan(90);
  });

  it('may be a function of yours', () => {
    const dark = run([
      (one) =>
        tensor(
          one.data.map((value) => value >> 1),
          one.shape,
        ),
      augment.randomVerticalFlip(0),
    ]);
    expect(dark.data).toEqual(image.data.map((value) => value >> 1));
    expect(() => run([() => tensor(new Uint8Array(4), [2, 2])])).toThrow(/not uint8 \[3, H, W\]/);
    expect(() => movableSteps([augment.pad(1), (one) => one])).toThrow(
      /Step 1 .* cannot be moved into a worker/,
    );
  });

  it('rotate by quarters without a loss, and join two rotations into one', () => {
    const half = run([augment.randomRotation([180, 180])]);
    const both = run([augment.randomRotation([90, 90]), augment.randomRotation([90, 90])]);
    expect(both.data.filter((value, i) => Math.abs(value - half.data[i]!) > 1)).toEqual(new Uint8Array(0));
    const turned = run([augment.randomRotation([90, 90], { expand: true })]);
    expect(turned.shape).toEqual([3, width, height]);
    // Resampling twice would blur the image and cut its corners.
    const back = run([augment.randomRotation([33, 33]), augment.randomRotation([-33, -33])]);
    expect(back.data.filter((value, k) => Math.abs(value - image.data[k]!) > 1)).toEqual(new Uint8Array(0));
  });

  it('are refused after normalize, except erasing', () => {
    expect(() => new ImagePipeline([normalize(), augment.randomInvert()])).toThrow(
      /\[1\]: randomInvert cannot come after normalize/,
    );
    expect(() => run([resize([3, 3]), augment.gaussianBlur({ kernelSize: 7 })])).toThrow(/half of 7/);
    expect(() => run([augment.randomCrop(40)])).toThrow(/does not fit/);
  });
});
