// The environment of the snippets in docs/migrating-from-deepspeed.md: a configuration with a curriculum, its difficulty, and a training.
import { readFileSync, writeFileSync } from 'node:fs';
import { ArrayDataset, type Dataset, type Tensor, tensor } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import {
  DataAnalyzer,
  type DeepSpeedConfig,
  type DeepSpeedDataLoader,
  deepspeedIo,
  type Optimizer,
  parseDeepSpeedConfig,
} from 'millrace/deepspeed';

const samples = Array.from({ length: 640 }, (_, i) => tensor(new Int32Array(16).fill(i % 97)));
export const dataset: Dataset<Tensor<'int32'>> = new ArrayDataset(samples);
export const evalSet: Dataset<Tensor<'int32'>> = new ArrayDataset(samples.slice(0, 64));
export const seqlens: number[] = Array.from(samples, (_, i) => 8 + ((i * 37) % 500));
export const tokens: Uint16Array = Uint16Array.from({ length: 100 }, (_, i) => i);
const sequence = tensor(new Int32Array(16), [2, 8]);
export const sequences: AsyncIterable<Record<string, Tensor>> = {
  async *[Symbol.asyncIterator]() {
    yield { input_ids: sequence, position_ids: sequence, labels: sequence };
  },
};
export const rows: Tensor<'int32'> = tensor(new Int32Array(34), [2, 17]);
export const rank: number = 0;
export const globalStep: number = 500;
export const optimizer: Optimizer = { paramGroups: [{ lr: 1e-3 }] };
export const lengths = (batch: Tensor): number[] => Array.from({ length: batch.shape[0]! }, (_, i) => 8 + i);
export const train = (_batch: unknown): void => {};
export const truncate = <B>(batch: B, _difficulties: unknown): B => batch;

const texts = new ArrayDataset(seqlens.map((length) => tensor(new Int32Array(length))));
await analyzeDifficulty(texts, { outputDir: 'lengths', metrics: ['seqlen'], layout: 'deepspeed' });
const seqlen = {
  index_to_sample_path: 'lengths/seqlen/seqlen_index_to_sample',
  index_to_metric_path: 'lengths/seqlen/seqlen_index_to_metric',
  difficulty_type: 'value',
  clustering_type: 'schedule_based',
  min_difficulty: 64,
  max_difficulty: 512,
  schedule_type: 'fixed_linear',
  schedule_config: { total_curriculum_step: 8, difficulty_step: 8 },
};
writeFileSync(
  'ds_config.json',
  JSON.stringify({
    train_batch_size: 16,
    train_micro_batch_size_per_gpu: 2,
    data_efficiency: {
      enabled: true,
      data_sampling: {
        enabled: true,
        num_epochs: 2,
        curriculum_learning: { enabled: true, data_cluster_path: 'clusters', curriculum_metrics: { seqlen } },
      },
    },
  }),
);
export const config: DeepSpeedConfig = parseDeepSpeedConfig(readFileSync('ds_config.json', 'utf8'), {
  worldSize: 1,
});
export const loader: DeepSpeedDataLoader<unknown, unknown, Tensor> = deepspeedIo(config, dataset);

// The parts of the other workers of the analysis.
for (const workerId of [1, 2, 3])
  await new DataAnalyzer(dataset, {
    numWorkers: 4,
    workerId,
    batchSize: 1024,
    metricNames: ['seqlen'],
    metricFunctions: [lengths],
    metricDtypes: ['int64'],
    savePath: 'difficulty',
  }).runMap();
