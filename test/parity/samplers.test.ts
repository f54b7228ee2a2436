import {
  BatchSampler,
  DistributedSampler,
  RandomSampler,
  randomSplit,
  type Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from 'millrace';
import { ConfigError } from 'millrace/errors';
import { defaultGenerator, manualSeed, TorchGenerator } from 'millrace/random';
import { expect } from 'vitest';
import { sha256OfInt64 } from './digest.js';
import {
  checkByKind,
  type RecordedError,
  testEveryCase,
  torchRelease,
  type Versions,
} from './golden-file.js';

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
  readonly lengths: number[];
  readonly subsets: Packed[];
  readonly error?: RecordedError;
}

function expectIndices(indices: readonly number[], packed: Packed): void {
  if (Array.isArray(packed)) {
    expect(indices).toEqual(packed);
    return;
  }
  expect(indices).toHaveLength(packed.length);
  expect([indices.slice(0, 50), indices.slice(-50)]).toEqual([packed.head, packed.tail]);
  expect(sha256OfInt64(indices)).toBe(packed.sha256);
}

function expectPasses(sampler: Sampler, generator: TorchGenerator, { len, epochs, next }: Case): void {
  expect(sampler).toHaveLength(len);
  for (const packed of epochs) expectIndices([...sampler], packed);
  expectNext(generator, next);
}

function expectNext(generator: TorchGenerator, next: number[]): void {
  expect([...generator.randint(0, 2 ** 31, 3)], 'the draws after').toEqual(next);
}

function generatorOf(seed: string, versions: Versions): TorchGenerator {
  return new TorchGenerator(BigInt(seed), { release: torchRelease(versions) });
}

testEveryCase<Case>(
  'samplers.json',
  96,
  checkByKind({
    RandomSampler(golden, versions) {
      const { n, replacement, num_samples, generator_seed, global_seed } = golden;
      const options = { replacement, ...(num_samples !== null && { numSamples: num_samples }) };
      if (generator_seed !== undefined) {
        const generator = generatorOf(generator_seed, versions);
        expectPasses(new RandomSampler(n, { ...options, generator }), generator, golden);
        return;
      }
      manualSeed(BigInt(global_seed!));
      // The process-wide generator follows one release; a copy of its state follows that of the vectors.
      const release = torchRelease(versions);
      const global = new TorchGenerator(0, { release }).setState(defaultGenerator.getState());
      expectPasses(new RandomSampler(n, { ...options, seedFrom: global }), global, golden);
    },
    SubsetRandomSampler(golden, versions) {
      const generator = generatorOf(golden.generator_seed!, versions);
      expectPasses(new SubsetRandomSampler(golden.indices, { generator }), generator, golden);
    },
    WeightedRandomSampler(golden, versions) {
      const { weights, replacement, num_samples } = golden;
      const generator = generatorOf(golden.generator_seed!, versions);
      const sampler = new WeightedRandomSampler(weights, {
        numSamples: num_samples!,
        replacement,
        generator,
      });
      expectPasses(sampler, generator, golden);
    },
    DistributedSampler(golden) {
      const { n, num_replicas, rank, shuffle, seed, drop_last, set_epochs, epochs, error } = golden;
      const create = () =>
        new DistributedSampler(n, {
          numReplicas: num_replicas,
          rank,
          shuffle,
          seed: Number(seed),
          dropLast: drop_last,
          generator: new TorchGenerator(),
        });
      if (error) {
        expect(create).toThrow(ConfigError);
        return;
      }
      const sampler = create();
      expect(sampler).toHaveLength(golden.len);
      expect(sampler.totalSize).toBe(golden.total_size);
      for (const [i, epoch] of set_epochs.entries()) {
        sampler.setEpoch(epoch);
        expectIndices([...sampler], epochs[i]!);
      }
    },
    BatchSampler({ n, inner, batch_size, drop_last, generator_seed, len, batches }, versions) {
      const generator = generatorOf(generator_seed!, versions);
      const sampler = inner === 'random' ? new RandomSampler(n, { generator }) : new SequentialSampler(n);
      const batchSampler = new BatchSampler(sampler, { batchSize: batch_size, dropLast: drop_last });
      expect(batchSampler).toHaveLength(len);
      expect([...batchSampler]).toEqual(batches);
    },
    random_split({ generator_seed, n, lengths, subsets, next, error }, versions) {
      const generator = generatorOf(generator_seed!, versions);
      const dataset = { length: n, get: (index: number) => index };
      if (error) {
        expect(() => randomSplit(dataset, lengths, { generator })).toThrow(ConfigError);
        return;
      }
      const parts = randomSplit(dataset, lengths, { generator });
      expect(parts).toHaveLength(subsets.length);
      for (const [i, { indices }] of parts.entries()) expectIndices([...indices], subsets[i]!);
      expectNext(generator, next);
    },
  }),
);
