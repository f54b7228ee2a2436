// Whole epochs of PyTorch's DataLoader, recorded by torch_dataloader.py.
import {
  ArrayDataset,
  DataLoader,
  RandomSampler,
  type Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  type Tensor,
  WeightedRandomSampler,
} from 'millrace';
import { torchCollate } from 'millrace/deepspeed';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import recorded from '../fixtures/torch-dataloader.json' with { type: 'json' };

type Case = (typeof recorded.cases)[number];

const samplers: Record<string, (n: number, generator: TorchGenerator) => Sampler> = {
  random: (n, generator) => new RandomSampler(n, { generator }),
  replacement: (n, generator) => new RandomSampler(n, { replacement: true, numSamples: n + 5, generator }),
  long: (n, generator) => new RandomSampler(n, { numSamples: 2 * n + 3, generator }),
  subset: (n, generator) =>
    new SubsetRandomSampler(
      Array.from({ length: Math.ceil(n / 2) }, (_, i) => 2 * i),
      { generator },
    ),
  weighted: (n, generator) =>
    new WeightedRandomSampler(
      Array.from({ length: n }, (_, i) => 1 + (i % 4)),
      {
        numSamples: n,
        replacement: true,
        generator,
      },
    ),
  sequential: (n) => new SequentialSampler(n),
};

function makeLoader({ kind, n, batch_size, drop_last, workers }: Case, generator: TorchGenerator) {
  const dataset = new ArrayDataset(Array.from({ length: n }, (_, i) => i));
  const order = kind === 'shuffle' ? { shuffle: true } : { sampler: samplers[kind]!(n, generator) };
  return new DataLoader(dataset, {
    batchSize: batch_size,
    dropLast: drop_last,
    numWorkers: workers,
    collate: torchCollate(),
    generator,
    ...order,
  });
}

async function take(loader: AsyncIterable<unknown>): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const batch of loader) {
    batches.push(Array.from((batch as Tensor<'int64'>).data, Number));
  }
  return batches;
}

describe('DataLoader with a generator', () => {
  it.each(recorded.cases)(
    'gives the epochs of PyTorch: $kind, $n by $batch_size, $workers workers',
    async (golden) => {
      const generator = new TorchGenerator(BigInt(golden.seed));
      await using loader = makeLoader(golden, generator);
      for (const epoch of golden.epochs) expect(await take(loader)).toEqual(epoch);
      expect(String(generator.randomInt64())).toBe(golden.next);
    },
  );

  it.each(recorded.cases.filter(({ workers }) => workers === 0))(
    'continues from a state in any epoch as if it had not stopped: $kind, $n by $batch_size',
    async (golden) => {
      const generator = new TorchGenerator(BigInt(golden.seed));
      await using loader = makeLoader(golden, generator);
      const states = [loader.stateDict()];
      for (const _ of golden.epochs) {
        for await (const _batch of loader) states.push(loader.stateDict());
      }
      const all = golden.epochs.flat();
      for (let place = 0; place < states.length; place += 3) {
        // The other generator has another seed: everything that counts is in the state.
        await using resumed = makeLoader(golden, new TorchGenerator(1));
        resumed.loadStateDict(JSON.parse(JSON.stringify(states[place])));
        const rest: number[][] = [];
        while (rest.length < all.length - place) rest.push(...(await take(resumed)));
        expect(rest, `from batch ${place}`).toEqual(all.slice(place));
      }
    },
  );
});
