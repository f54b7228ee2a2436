// The vectors of torch.utils.data's samplers; random_split is tested with the datasets.
import {
  BatchSampler,
  DistributedSampler,
  RandomSampler,
  type Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from 'millrace';
import { defaultGenerator, manualSeed, TorchGenerator } from 'millrace/random';
import { expect, it } from 'vitest';
import { goldenCases, sha256OfInt64 } from '../random/golden.js';

/** The indices of a pass, or a digest of them when they are many. */
type Packed =
  | number[]
  | { readonly head: number[]; readonly tail: number[]; readonly length: number; readonly sha256: string };

interface Case {
  readonly kind: string;
  readonly generator_seed?: string;
  readonly global_seed?: string;
  readonly n: number;
  readonly len: number;
  readonly epochs: Packed[];
  readonly next: number[];
  readonly replacement: boolean;
  readonly num_samples: number | null;
  readonly indices: number[];
  readonly weights: number[];
  readonly num_replicas: number;
  readonly rank: number;
  readonly shuffle: boolean;
  readonly seed: string;
  readonly drop_last: boolean;
  readonly set_epochs: number[];
  readonly total_size: number;
  readonly inner: 'sequential' | 'random';
  readonly batch_size: number;
  readonly batches: number[][];
}

const cases = goldenCases<Case>('samplers.json');
const casesOf = (kind: string) => cases.filter((candidate) => candidate.kind === kind);

function expectPass(sampler: Sampler, packed: Packed): void {
  const indices = [...sampler];
  if (Array.isArray(packed)) {
    expect(indices).toEqual(packed);
    return;
  }
  expect(indices).toHaveLength(packed.length);
  expect(sha256OfInt64(indices)).toBe(packed.sha256);
}

function expectPasses(sampler: Sampler, generator: TorchGenerator, { len, epochs, next }: Case): void {
  expect(sampler).toHaveLength(len);
  for (const packed of epochs) expectPass(sampler, packed);
  expect([...generator.randint(0, 2 ** 31, 3)]).toEqual(next);
}

it.each(casesOf('RandomSampler'))(
  'RandomSampler of $n, replacement $replacement, $num_samples samples, seeds $generator_seed $global_seed',
  (golden) => {
    const { n, replacement, num_samples, generator_seed, global_seed } = golden;
    const options = { replacement, ...(num_samples !== null && { numSamples: num_samples }) };
    if (generator_seed !== undefined) {
      const generator = new TorchGenerator(BigInt(generator_seed));
      expectPasses(new RandomSampler(n, { ...options, generator }), generator, golden);
    } else {
      manualSeed(BigInt(global_seed!));
      expectPasses(
        new RandomSampler(n, { ...options, seedFrom: defaultGenerator }),
        defaultGenerator,
        golden,
      );
    }
  },
);

it.each(casesOf('SubsetRandomSampler'))(
  'SubsetRandomSampler of $indices from seed $generator_seed',
  (golden) => {
    const generator = new TorchGenerator(BigInt(golden.generator_seed!));
    expectPasses(new SubsetRandomSampler(golden.indices, { generator }), generator, golden);
  },
);

it.each(casesOf('WeightedRandomSampler'))(
  'WeightedRandomSampler, $num_samples of $weights, replacement $replacement, from seed $generator_seed',
  (golden) => {
    const { weights, replacement, num_samples } = golden;
    const generator = new TorchGenerator(BigInt(golden.generator_seed!));
    const sampler = new WeightedRandomSampler(weights, { numSamples: num_samples!, replacement, generator });
    expectPasses(sampler, generator, golden);
  },
);

it.each(casesOf('DistributedSampler'))(
  'DistributedSampler of $n, rank $rank of $num_replicas, shuffle $shuffle, dropLast $drop_last, seed $seed',
  ({ n, num_replicas, rank, shuffle, seed, drop_last, set_epochs, epochs, len, total_size }) => {
    const sampler = new DistributedSampler(n, {
      numReplicas: num_replicas,
      rank,
      shuffle,
      seed: Number(seed),
      dropLast: drop_last,
      generator: new TorchGenerator(),
    });
    expect(sampler).toHaveLength(len);
    expect(sampler.totalSize).toBe(total_size);
    for (const [i, epoch] of set_epochs.entries()) {
      sampler.setEpoch(epoch);
      expectPass(sampler, epochs[i]!);
    }
  },
);

it.each(casesOf('BatchSampler'))(
  'BatchSampler of $n by $batch_size, $inner, dropLast $drop_last',
  ({ n, inner, batch_size, drop_last, generator_seed, len, batches }) => {
    const generator = new TorchGenerator(BigInt(generator_seed!));
    const sampler = inner === 'random' ? new RandomSampler(n, { generator }) : new SequentialSampler(n);
    const batchSampler = new BatchSampler(sampler, { batchSize: batch_size, dropLast: drop_last });
    expect(batchSampler).toHaveLength(len);
    expect([...batchSampler]).toEqual(batches);
  },
);

it('every kind of case in the file is tested here or with the datasets', () => {
  const here = [
    'BatchSampler',
    'DistributedSampler',
    'RandomSampler',
    'SubsetRandomSampler',
    'WeightedRandomSampler',
  ];
  expect([...new Set(cases.map(({ kind }) => kind))].sort()).toEqual([...here, 'random_split']);
});
