import { join } from 'node:path';
import type { SuggestedCurriculum } from '../analysis/index.js';
import { metricPrefix } from '../analysis/index-files.js';
import { ConfigError } from '../core/errors.js';
import { DifficultyIndex } from '../curriculum/difficulty-index.js';
import type { CurriculumMetricOptions } from '../curriculum/index.js';
import type { CurriculumMetricConfig } from './data-efficiency-config.js';
import { parseCurriculumConfig, scheduleOptionsOf } from './schedule-config.js';

/**
 * Converts a metric of DeepSpeed's `curriculum_metrics` to a metric of a `CurriculumSampler`, and opens its index.
 *
 * @param config - In DeepSpeed's spelling.
 * @param difficultyAt - The function of a `custom` schedule: step, counted from 1 → difficulty.
 * @throws {@link ConfigError} for an incomplete or invalid schedule, and the errors of `DifficultyIndex.openSync`.
 *
 * @example
 * ```ts
 * const { seqlen } = config.data_efficiency.data_sampling.curriculum_learning.curriculum_metrics;
 * const sampler = new CurriculumSampler(dataset, { batchSize: 512, metrics: { seqlen: curriculumMetric(seqlen) } });
 * ```
 */
export function curriculumMetric(
  config: CurriculumMetricConfig,
  difficultyAt?: (step: number) => number,
): CurriculumMetricOptions {
  const { min_difficulty, max_difficulty } = parseCurriculumConfig('curriculumMetric', config, false);
  const schedule = scheduleOptionsOf(config, difficultyAt);
  if (!schedule) {
    const message = 'is custom; pass its function as the second argument';
    throw new ConfigError('curriculumMetric', [{ field: 'schedule_type', message }]);
  }
  const { clustering_type, difficulty_type } = config;
  const isClustered = clustering_type === 'schedule_based';
  return {
    ...(isClustered && { index: openIndex(config) }),
    minDifficulty: min_difficulty,
    maxDifficulty: max_difficulty,
    schedule,
    difficultyType: difficulty_type,
    clusteringType: isClustered ? 'schedule-based' : 'single-cluster',
  };
}

/** Opens the index files of a metric; those of the difficulties only if the schedule is by value. */
export function openIndex({
  difficulty_type,
  index_to_sample_path = '',
  index_to_metric_path = '',
}: CurriculumMetricConfig): DifficultyIndex {
  return DifficultyIndex.openSync({
    indexToSamplePath: index_to_sample_path,
    ...(difficulty_type === 'value' && { indexToMetricPath: index_to_metric_path }),
  });
}

/**
 * A suggested curriculum as a metric of DeepSpeed's `curriculum_metrics`.
 *
 * @param index - The metric, and the folder or URL of its index files; `undefined` if DeepSpeed's index files were not written.
 */
export function suggestedMetricConfig(
  { minDifficulty, maxDifficulty, difficultyType, schedule }: SuggestedCurriculum,
  index: { readonly metric: string; readonly folder: string } | undefined,
): CurriculumMetricConfig {
  return {
    ...(index && indexPaths(index.metric, index.folder, difficultyType)),
    difficulty_type: difficultyType,
    clustering_type: 'schedule_based',
    min_difficulty: minDifficulty,
    max_difficulty: maxDifficulty,
    schedule_type: 'fixed_linear',
    schedule_config: {
      total_curriculum_step: schedule.totalSteps,
      difficulty_step: schedule.difficultyStep,
    },
  };
}

function indexPaths(metric: string, folder: string, type: 'value' | 'percentile') {
  const prefix = metricPrefix(folder, metric);
  return {
    index_to_sample_path: `${prefix}_index_to_sample${type === 'value' ? '' : '_percentile_merged'}`,
    index_to_metric_path: join(`${prefix}_index_to_metric`),
  };
}
