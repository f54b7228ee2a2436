// The environment of the snippets in docs/curriculum.md: a text in sequences, its difficulty in DeepSpeed's files, and the
// names that the first snippet declares.
import { mkdirSync } from 'node:fs';
import { DataLoader, type Tensor } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import { CurriculumSampler, DifficultyIndex } from 'millrace/curriculum';
import { IndexedDataset, IndexedDatasetBuilder } from 'millrace/formats';

mkdirSync('out');
const builder = new IndexedDatasetBuilder('out/train', { dtype: 'uint16' });
for (let sequence = 0; sequence < 2_000; sequence++) {
  builder.addItem(
    Uint16Array.from({ length: 8 + ((sequence * 37) % 89) }, (_, i) =>
      Math.min((sequence * i) % 997, (i * i) % 499),
    ),
  );
  builder.endDocument();
}
builder.finalize();
const text = await IndexedDataset.open('out/train');
await analyzeDifficulty(text, {
  outputDir: 'out/difficulty',
  metrics: ['seqlen', 'vocabularyrarity'],
  layout: 'both',
});
const metric = (name: string, first: number, last: number, difficultyStep: number) => ({
  index: DifficultyIndex.openSync({
    indexToSamplePath: `out/difficulty/${name}/${name}_index_to_sample`,
    indexToMetricPath: `out/difficulty/${name}/${name}_index_to_metric`,
  }),
  minDifficulty: first,
  maxDifficulty: last,
  schedule: { type: 'linear' as const, totalSteps: 400, difficultyStep },
});

export const sampler: CurriculumSampler = new CurriculumSampler(text, {
  batchSize: 64,
  stepsPerEpoch: 600,
  metrics: {
    seqlen: metric('seqlen', 16, 96, 8),
    vocabularyrarity: { ...metric('vocabularyrarity', 20, 100, 5), difficultyType: 'percentile' },
  },
});
export const batches: DataLoader<Tensor> = new DataLoader<Tensor>(text, { batchSize: 64, sampler });
