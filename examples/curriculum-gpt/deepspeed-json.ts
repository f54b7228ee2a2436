import { join } from 'node:path';
import type { JsonObject } from 'millrace';
import { defaults, type Order } from './settings.js';

/** Inputs of the curriculum's schedule. */
export interface CurriculumPlan {
  /** Folder of the difficulty index. */
  readonly difficulty: string;
  /** Lengths between which the schedule rises. */
  readonly minLength: number;
  readonly maxLength: number;
  /** Steps until everything is admitted. */
  readonly steps: number;
}

/** Two of ten rarity classes to begin with. */
const firstRarityPercentile = 20;

/** The DeepSpeed configuration of a run, as a user of DeepSpeed would write it. */
export function deepspeedJson(
  order: Order,
  { difficulty, minLength, maxLength, steps }: CurriculumPlan,
): JsonObject {
  const index = (metric: string, file: string): string => join(difficulty, metric, `${metric}_${file}`);
  const schedule = (difficulty_step: number): JsonObject => ({
    schedule_type: 'fixed_linear',
    schedule_config: { total_curriculum_step: steps, difficulty_step },
  });
  return {
    train_micro_batch_size_per_gpu: defaults.microBatchSize,
    gradient_accumulation_steps: 1,
    steps_per_print: 100,
    data_efficiency: {
      enabled: true,
      seed: defaults.seed,
      data_sampling: {
        enabled: true,
        num_epochs: 4,
        num_workers: defaults.workers,
        curriculum_learning: {
          enabled: order === 'curriculum',
          data_cluster_path: join(difficulty, 'clusters'),
          curriculum_metrics: {
            seqlen: {
              index_to_sample_path: index('seqlen', 'index_to_sample'),
              index_to_metric_path: index('seqlen', 'index_to_metric'),
              difficulty_type: 'value',
              clustering_type: 'schedule_based',
              min_difficulty: minLength,
              max_difficulty: maxLength,
              ...schedule(8),
            },
            vocabularyrarity: {
              index_to_sample_path: index('vocabularyrarity', 'index_to_sample_percentile_merged'),
              index_to_metric_path: index('vocabularyrarity', 'index_to_metric'),
              difficulty_type: 'percentile',
              clustering_type: 'schedule_based',
              min_difficulty: firstRarityPercentile,
              max_difficulty: 100,
              ...schedule(5),
            },
          },
        },
      },
    },
  };
}
