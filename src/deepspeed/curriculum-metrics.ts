import type { IndexArray } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { type Json, plainJson } from '../core/json.js';
import { ownValue } from '../core/record.js';
import { type Difficulties, type SelectingMetric, selectMembers } from './cluster-members.js';
import { openIndex } from './curriculum-metric.js';
import { CurriculumScheduler } from './curriculum-scheduler.js';
import type { CurriculumMetricConfig } from './data-efficiency-config.js';
import { originalPercentiles, originalValues } from './original-selection.js';
import { pythonText } from './python-float.js';

/** Metric → a function that returns the difficulty of a step, counted from 1. */
export type CustomSchedules = Readonly<Record<string, (step: number) => number>>;

/** A metric of the configuration, with its schedule. */
export interface ScheduledMetric extends SelectingMetric {
  readonly config: CurriculumMetricConfig;
  readonly scheduler: CurriculumScheduler;
}

/** The metrics of a curriculum, in the order of the configuration. */
export class CurriculumMetrics {
  readonly list: readonly ScheduledMetric[];
  readonly #parity: boolean;

  constructor(
    configs: Readonly<Record<string, CurriculumMetricConfig>>,
    { parity }: { readonly parity: boolean },
  ) {
    this.#parity = parity;
    this.list = Object.entries(configs).map(([name, config]) => openMetric(name, config, parity));
  }

  /** Everything that determines the sequence of samples, without the paths of the index files. */
  get description(): Json {
    return this.list.map(({ name, config, index }) => {
      const { index_to_sample_path, index_to_metric_path, ...schedule } = config;
      const samples = index ? [index.length, index.smallest ?? null] : null;
      return [name, samples, plainJson(schedule)];
    });
  }

  /** Moves every schedule to a step. */
  difficultiesAt(step: number): Difficulties {
    return Object.fromEntries(
      this.list.map(({ name, scheduler }) => [name, scheduler.updateDifficulty(step)]),
    );
  }

  differ(before: Difficulties, after: Difficulties): boolean {
    return this.list.some(({ name }) => ownValue(before, name) !== ownValue(after, name));
  }

  /** Restores the schedules to these difficulties; without any, to their start. */
  restore(difficulties: Difficulties): void {
    for (const { name, config, scheduler } of this.list) {
      scheduler.setState({
        ...scheduler.getState(),
        current_difficulty: ownValue(difficulties, name) ?? config.min_difficulty,
      });
    }
  }

  setCustomSchedules(schedules: CustomSchedules): void {
    for (const { name, scheduler } of this.list) {
      const schedule = ownValue(schedules, name);
      if (schedule) scheduler.setCustomGetDifficulty(schedule);
    }
  }

  /** DeepSpeed's name for the cluster of these difficulties. */
  clusterName(difficulties: Difficulties): string {
    return this.list.reduce(
      (name, { name: metric, config }) =>
        `${name}_${metric}${pythonText(ownValue(difficulties, metric)!, config)}`,
      'cluster',
    );
  }

  /**
   * @throws {@link ConfigError} if no sample is admitted at the first step. Schedules set later are not known yet.
   */
  checkFirstStep(datasetLength: number): void {
    if (this.list.some(({ config }) => config.schedule_type === 'custom')) return;
    const first = Object.fromEntries(
      this.list.map(({ name, scheduler }) => [name, scheduler.getDifficulty(1)]),
    );
    const request = { previous: {}, current: first, earlier: [], datasetLength, parity: this.#parity };
    if (!selectMembers(this.list, request)) throw this.nothingAdmitted(first);
  }

  /** The error if no sample is easy enough. */
  nothingAdmitted(difficulties: Difficulties): ConfigError {
    const root = 'data_efficiency.data_sampling.curriculum_learning.curriculum_metrics';
    const empty = this.list.filter(
      ({ name, select }) => !select(undefined, ownValue(difficulties, name)!)?.length,
    );
    const problems = empty.map(({ name, index }) => ({
      field: `${root}.${name}.min_difficulty`,
      message: `no sample of ${name} has a difficulty up to ${ownValue(difficulties, name)}; the smallest is ${index?.smallest}`,
    }));
    const together = {
      field: root,
      message: `no sample is admitted by all metrics at ${JSON.stringify(difficulties)}`,
    };
    return new ConfigError('DeepSpeedDataSampler', problems.length > 0 ? problems : [together], {
      next: 'Start at a difficulty that some samples have.',
    });
  }
}

function openMetric(name: string, config: CurriculumMetricConfig, parity: boolean): ScheduledMetric {
  const scheduler = new CurriculumScheduler(config, { parity });
  const index = config.clustering_type === 'single_cluster' ? undefined : openIndex(config);
  const maximum = config.max_difficulty;
  const select = (from: number | undefined, to: number): IndexArray | undefined => {
    if (!index) return [];
    if (config.difficulty_type === 'value') {
      const above = from ?? Number.NEGATIVE_INFINITY;
      return parity ? originalValues(index, above, to) : index.selectByValue(above, to);
    }
    return parity
      ? originalPercentiles(index, from ?? 0, to, config)
      : index.selectByPercentile(from ?? 0, to, maximum);
  };
  return { name, config, scheduler, index, select };
}
