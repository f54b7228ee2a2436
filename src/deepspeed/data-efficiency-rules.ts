import type { ConfigProblem } from '../core/errors.js';
import type { CurriculumMetricConfig, DataEfficiencyConfig } from './data-efficiency-config.js';

/** What each schedule needs in its `schedule_config`. */
const scheduleKeys: Readonly<Record<CurriculumMetricConfig['schedule_type'], readonly string[]>> = {
  fixed_linear: ['total_curriculum_step', 'difficulty_step'],
  fixed_root: ['total_curriculum_step', 'difficulty_step', 'root_degree'],
  fixed_discrete: ['difficulty', 'max_step'],
  custom: [],
};

/**
 * What is wrong with a `data_efficiency` section across its fields: what an enabled feature needs and does not have.
 *
 * @param parity - Whether DeepSpeed's cluster files are to be written, which needs a folder.
 */
export function dataEfficiencyProblems(config: DataEfficiencyConfig, parity: boolean): ConfigProblem[] {
  const { curriculum_learning, dynamic_batching } = config.data_sampling;
  const problems: ConfigProblem[] = [];
  if (curriculum_learning.enabled) problems.push(...curriculumProblems(curriculum_learning, parity));
  if (dynamic_batching.enabled && dynamic_batching.max_tokens === undefined) {
    problems.push(missing('data_efficiency.data_sampling.dynamic_batching.max_tokens'));
  }
  return problems;
}

function curriculumProblems(
  { curriculum_metrics = {}, data_cluster_path }: DataEfficiencyConfig['data_sampling']['curriculum_learning'],
  parity: boolean,
): ConfigProblem[] {
  const root = 'data_efficiency.data_sampling.curriculum_learning';
  const metrics = Object.entries(curriculum_metrics);
  const problems = metrics.flatMap(([name, metric]) =>
    metricProblems(`${root}.curriculum_metrics.${name}`, metric),
  );
  if (metrics.length === 0) {
    problems.push({ field: `${root}.curriculum_metrics`, message: 'must have at least one metric' });
  }
  if (parity && data_cluster_path === undefined) problems.push(missing(`${root}.data_cluster_path`));
  return problems;
}

function metricProblems(root: string, metric: CurriculumMetricConfig): ConfigProblem[] {
  const problems = scheduleProblems(root, metric);
  if (metric.min_difficulty > metric.max_difficulty) {
    problems.push({
      field: `${root}.min_difficulty`,
      message: `is ${metric.min_difficulty}, above max_difficulty ${metric.max_difficulty}`,
    });
  }
  if (metric.clustering_type === 'single_cluster') return problems;
  if (metric.index_to_sample_path === undefined) problems.push(missing(`${root}.index_to_sample_path`));
  if (metric.difficulty_type === 'value' && metric.index_to_metric_path === undefined) {
    problems.push(missing(`${root}.index_to_metric_path`));
  }
  return problems;
}

function scheduleProblems(root: string, metric: CurriculumMetricConfig): ConfigProblem[] {
  const { schedule_type, schedule_config = {} } = metric;
  const needed = scheduleKeys[schedule_type];
  const given = Object.entries(schedule_config).filter(([, value]) => value !== undefined);
  const problems = given
    .filter(([key]) => !needed.includes(key))
    .map(([key]) => ({ field: `${root}.schedule_config.${key}`, message: `is not used by ${schedule_type}` }));
  for (const key of needed) {
    if (!given.some(([name]) => name === key)) problems.push(missing(`${root}.schedule_config.${key}`));
  }
  const { difficulty, max_step } = schedule_config;
  if (schedule_type === 'fixed_discrete' && difficulty && max_step && difficulty.length !== max_step.length + 1) {
    problems.push({
      field: `${root}.schedule_config.difficulty`,
      message: `has ${difficulty.length} values, must have one more than max_step, which has ${max_step.length}`,
    });
  }
  return problems;
}

function missing(field: string): ConfigProblem {
  return { field, message: 'is missing' };
}
