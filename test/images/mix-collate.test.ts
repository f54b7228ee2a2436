import { ArrayDataset, type CollateContext, DataLoader, type Tensor, tensor } from 'millrace';
import { ConfigError, ShapeError } from 'millrace/errors';
import { cutMix, mixUp } from 'millrace/images';
import { describe, expect, it } from 'vitest';
import { zeroTensor } from '../../dist/core/tensor.js';
import { SampleRng } from '../../dist/random/sample-rng.js';

const [height, width] = [4, 6];
const samples = Array.from({ length: 12 }, (_, k) => ({
  image: tensor(new Float32Array(height * width).fill(k), [1, height, width]),
  label: k % 3,
}));
const contextOf = (seed: number): CollateContext => ({
  allocate: zeroTensor,
  rng: new SampleRng(seed, 0, 0),
});

/** The share of its own image in each image and label of a batch of four. */
function sharesOf({ image, label }: { image: Tensor<'float32'>; label: Tensor<'float32'> }, b: number) {
  const pixels = image.data.subarray(b * height * width, (b + 1) * height * width);
  const before = (b + 3) % 4;
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  return { image: (mean - before) / (b - before), label: label.data[3 * b + (b % 3)]! };
}

type Mixing = ReturnType<typeof mixUp<'image', 'label'>>;

describe.each([
  ['mixUp', mixUp({ numClasses: 3 })],
  ['cutMix', cutMix({ numClasses: 3 }) as Mixing],
])('%s', (_, collate) => {
  it('mixes each image and label with the one before, by one share', () => {
    const shares: number[] = [];
    for (let seed = 0; seed < 400; seed++) {
      const batch = collate(samples.slice(0, 4), contextOf(seed));
      expect(batch.image.shape).toEqual([4, 1, height, width]);
      expect(batch.label.shape).toEqual([4, 3]);
      // The last sample and the one before it have different classes; the first and the last have the same.
      for (const b of [1, 2, 3]) {
        const { image, label } = sharesOf(batch, b);
        expect(image).toBeCloseTo(label, 4);
        expect(
          batch.label.data.subarray(3 * b, 3 * b + 3).reduce((sum, value) => sum + value, 0),
        ).toBeCloseTo(1, 5);
      }
      shares.push(sharesOf(batch, 1).label);
    }
    // A uniform share has the mean 0.5; cut rectangles are cut off at the border, so that more of the image stays.
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    expect(mean).toBeGreaterThan(0.42);
    expect(mean).toBeLessThan(0.85);
    expect(new Set(shares).size).toBeGreaterThan(5);
  });

  it('gives the same batches with workers and without, also after a seek, and others in another epoch', async () => {
    const batchesOf = async (numWorkers: number, epochs: number, step = 0) => {
      const data = new ArrayDataset(samples);
      const loader = new DataLoader(data, { batchSize: 4, shuffle: true, seed: 5, numWorkers, collate });
      const found: string[] = [];
      try {
        for (let epoch = 0; epoch < epochs; epoch++) {
          if (epoch === 0 && step > 0) loader.seek({ epoch: 0, step });
          for await (const { image, label } of loader)
            found.push(JSON.stringify([[...image.data], [...label.data]]));
        }
      } finally {
        await loader.close();
      }
      return found;
    };
    const alone = await batchesOf(0, 2);
    expect(alone).toHaveLength(6);
    expect(new Set(alone).size).toBe(6);
    expect(await batchesOf(2, 2)).toEqual(alone);
    expect((await batchesOf(0, 1, 1)).slice(0, 2)).toEqual(alone.slice(1, 3));
  });

  it('leaves the batches that probability leaves out, and makes their labels lists too', () => {
    const never = (collate.mixOptions.mix === 'mixUp' ? mixUp : cutMix)({ numClasses: 3, probability: 0 });
    const { image, label } = never(samples.slice(0, 4), contextOf(1));
    expect(image.data.filter((value, i) => value !== Math.floor(i / (height * width)))).toHaveLength(0);
    expect([...label.data]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]);
  });

  it('refuses labels without classes, or beyond them, and samples without images', () => {
    const make = collate.mixOptions.mix === 'mixUp' ? mixUp : cutMix;
    expect(() => make({})(samples, contextOf(1))).toThrow(ConfigError);
    expect(() => make({ numClasses: 2 })(samples, contextOf(1))).toThrow(/a label is 2/);
    expect(() => make({ numClasses: 2, image: 'x' })(samples, contextOf(1))).toThrow(ShapeError);
    expect(() => make({ alpha: 0 })).toThrow(/alpha/);
  });
});

it('a collate draws from a stream of its batch', async () => {
  const drawn: number[] = [];
  const collate = (given: readonly number[], { rng }: CollateContext) => {
    drawn.push(rng.uint32());
    return given;
  };
  const data = new ArrayDataset(Array.from({ length: 8 }, (_, k) => k));
  for await (const _ of new DataLoader(data, { batchSize: 2, collate }));
  const sampled: number[] = [];
  const transform = (sample: number, { rng }: { rng: CollateContext['rng'] }) => {
    sampled.push(rng.uint32());
    return sample;
  };
  for await (const _ of new DataLoader(data, { batchSize: 2, transform }));
  expect(new Set([...drawn, ...sampled]).size).toBe(12);
});
