// train.ts
import { ArrayDataset, CurriculumSampler, DataLoader, padCollate } from 'millrace';

// Sequences of 1 to 64 tokens.
const sequences = Array.from({ length: 256 }, (_, i) =>
  new Int32Array(1 + ((i * 37) % 64)).fill(i),
);
const dataset = new ArrayDataset(sequences);
const lengths = sequences.map(({ length }) => length);

const sampler = new CurriculumSampler(dataset, {
  batchSize: 8,
  stepsPerEpoch: 60,
  seed: 1,
  metrics: {
    seqlen: {
      index: lengths,
      min_difficulty: 8,
      max_difficulty: 64,
      schedule_type: 'fixed_linear',
      schedule_config: { total_curriculum_step: 50, difficulty_step: 8 },
    },
  },
});
const loader = new DataLoader(dataset, {
  batchSize: 8,
  sampler,
  collate: padCollate({ padValue: 0 }),
});

let step = 0;
for await (const batch of loader) {
  if (step % 15 === 0) {
    const { seqlen } = sampler.difficultiesAt(0, step);
    console.log(
      `step ${step}: up to ${seqlen} tokens, batch of ${batch.shape.join(' × ')}`,
    );
  }
  step++;
}
const stepsOf = (length: number) =>
  loader
    .whenSeen(lengths.indexOf(length), { epoch: 0 })
    .map((sighting) => sighting.step);
console.log(
  `a sequence of 8 tokens comes at steps ${stepsOf(8)}; one of 40 tokens at ${stepsOf(40)}`,
);
const never = lengths.filter(
  (_, sample) => loader.whenSeen(sample, { epoch: 0 }).length === 0,
).length;
console.log(`${never} of ${lengths.length} samples never come in these 60 steps`);
