import {
  DistributedSampler,
  RandomSampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { TorchGenerator } from 'millrace/random';
import { type ContractTraits, samplerContract } from './sampler-contract.js';

const ordered: ContractTraits = { permutes: true, random: false, drawn: false };
const shuffled: ContractTraits = { permutes: true, random: true, drawn: false };
const sampled: ContractTraits = { permutes: false, random: true, drawn: false };
const drawn: ContractTraits = { permutes: true, random: true, drawn: true };
const sampledAndDrawn: ContractTraits = { permutes: false, random: true, drawn: true };

const generator = (seed: number) => new TorchGenerator(seed);
const range = (length: number) => Array.from({ length }, (_, i) => i);
const weights = (length: number) => range(length).map((i) => 1 + (i % 7));

samplerContract('SequentialSampler', ordered, (length) => new SequentialSampler(length));
samplerContract('RandomSampler', shuffled, (length, seed) => new RandomSampler(length, { seed }));
samplerContract(
  'RandomSampler over several passes',
  sampled,
  (length, seed) => new RandomSampler(length, { seed, numSamples: Math.ceil(length * 2.5) }),
);
samplerContract(
  'RandomSampler with replacement',
  sampled,
  (length, seed) => new RandomSampler(length, { seed, replacement: true }),
);
samplerContract('RandomSampler of a generator', drawn, (length, seed) => {
  return new RandomSampler(length, { generator: generator(seed) });
});
samplerContract('RandomSampler of a generator, over several passes', sampledAndDrawn, (length, seed) => {
  return new RandomSampler(length, { generator: generator(seed), numSamples: Math.ceil(length * 2.5) });
});
samplerContract('RandomSampler of a generator, with replacement', sampledAndDrawn, (length, seed) => {
  return new RandomSampler(length, { generator: generator(seed), replacement: true });
});
samplerContract('RandomSampler seeded by a generator', drawn, (length, seed) => {
  return new RandomSampler(length, { seedFrom: generator(seed) });
});
samplerContract(
  'SubsetRandomSampler',
  shuffled,
  (length, seed) => new SubsetRandomSampler(range(length), { seed }),
);
samplerContract('SubsetRandomSampler of a generator', drawn, (length, seed) => {
  return new SubsetRandomSampler(range(length), { generator: generator(seed) });
});
samplerContract(
  'WeightedRandomSampler',
  sampled,
  (length, seed) => new WeightedRandomSampler(weights(length), { seed }),
);
samplerContract('WeightedRandomSampler without replacement', shuffled, (length, seed) => {
  return new WeightedRandomSampler(weights(length), { seed, replacement: false });
});
samplerContract('WeightedRandomSampler of a generator', sampledAndDrawn, (length, seed) => {
  return new WeightedRandomSampler(weights(length), { generator: generator(seed) });
});
samplerContract('DistributedSampler', sampled, (length, seed) => {
  return new DistributedSampler(length, { worldSize: 3, rank: 1, seed });
});
samplerContract('DistributedSampler that drops', sampled, (length, seed) => {
  return new DistributedSampler(length, { worldSize: 3, rank: 2, seed, dropLast: true });
});
samplerContract('DistributedSampler without shuffle', { ...sampled, random: false }, (length, seed) => {
  return new DistributedSampler(length, { worldSize: 4, rank: 3, seed, shuffle: false });
});
samplerContract('DistributedSampler of uneven ranks', sampled, (length, seed) => {
  return new DistributedSampler(length, { worldSize: 4, rank: 3, seed, uneven: 'short' });
});
samplerContract("DistributedSampler in PyTorch's order", sampled, (length, seed) => {
  return new DistributedSampler(length, { worldSize: 3, rank: 0, generator: generator(seed) });
});
samplerContract('CurriculumSampler', sampled, (length, seed) => {
  const schedule = { type: 'linear', totalSteps: 12, difficultyStep: 1 } as const;
  const index = range(length).map((i) => 1 + ((i * 37) % 23));
  const metric = { index, difficultyType: 'percentile' as const, minDifficulty: 100, maxDifficulty: 100 };
  return new CurriculumSampler(length, {
    batchSize: 1,
    seed,
    metrics: { rank: { ...metric, schedule } },
  });
});
