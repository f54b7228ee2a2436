import { ConfigError, type ConfigProblem } from '../core/errors.js';
import type { CurriculumMetricConfig, DataEfficiencyConfig } from './data-efficiency-config.js';
import { parseCurriculumConfig } from './schedule-config.js';

const curriculumRoot = 'data_efficiency.data_sampling.curriculum_learning';

/**
 * Lists the problems of a `data_efficiency` section across its fields: schedules, and what an enabled feature
 * requires but lacks.
 *
 * @param parity - Whether DeepSpeed's cluster files will be written, which requires a folder.
 */
export function dataEfficiencyProblems(config: DataEfficiencyConfig, parity: boolean): ConfigProblem[] {
  const { curriculum_learning, dynamic_batching } = config.data_sampling;
  const metrics = Object.entries(curriculum_learning.curriculum_metrics ?? {});
  const problems = metrics.flatMap(([name, metric]) =>
    metricProblems(`${curriculumRoot}.curriculum_metrics.${name}`, metric, parity),
  );
  if (curriculum_learning.enabled) {
    if (metrics.length === 0) {
      problems.push({
        field: `${curriculumRoot}.curriculum_metrics`,
        message: 'must have at least one metric',
      });
    }
    if (parity && curriculum_learning.data_cluster_path === undefined) {
      problems.push(missing(`${curriculumRoot}.data_cluster_path`));
    }
  }
  if (dynamic_batching.enabled && dynamic_batching.max_tokens === undefined) {
    problems.push(missing('data_efficiency.data_sampling.dynamic_batching.max_tokens'));
  }
  return problems;
}

function metricProblems(root: string, metric: CurriculumMetricConfig, parity: boolean): ConfigProblem[] {
  const problems = scheduleProblems(root, metric, parity);
  if (metric.clustering_type === 'single_cluster') return problems;
  if (metric.index_to_sample_path === undefined) problems.push(missing(`${root}.index_to_sample_path`));
  if (metric.difficulty_type === 'value' && metric.index_to_metric_path === undefined) {
    problems.push(missing(`${root}.index_to_metric_path`));
  }
  return problems;
}

function scheduleProblems(root: string, metric: CurriculumMetricConfig, parity: boolean): ConfigProblem[] {
  try {
    parseCurriculumConfig(root, metric, parity);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ field, message }) => ({ field: `${root}.${field}`, message }));
  }
}

function missing(field: string): ConfigProblem {
  return { field, message: 'is missing' };
}
