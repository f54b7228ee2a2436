import * as v from 'valibot';
import { booleanOption, integerFrom, recordOf } from '../core/options.js';
import type { ScheduleConfig } from './schedule-config.js';

const number = v.pipe(v.number('must be a number'), v.finite('must be finite'));
const text = v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty'));
const metric = v.strictObject({
  /** Prefix of the indexed dataset that lists the samples of each difficulty. */
  index_to_sample_path: v.optional(text),
  /** Prefix of the indexed dataset that lists the difficulties. Read only for `value`. */
  index_to_metric_path: v.optional(text),
  difficulty_type: v.picklist(['value', 'percentile'], `must be 'value' or 'percentile'`),
  clustering_type: v.picklist(
    ['single_cluster', 'schedule_based'],
    `must be 'single_cluster' or 'schedule_based'`,
  ),
  min_difficulty: number,
  max_difficulty: number,
  schedule_type: v.picklist(
    ['fixed_linear', 'fixed_root', 'fixed_discrete', 'custom'],
    `must be 'fixed_linear', 'fixed_root', 'fixed_discrete' or 'custom'`,
  ),
  // The required keys depend on the type: the schedule checks them.
  schedule_config: v.optional(
    v.custom<ScheduleConfig>((value) => typeof value === 'object' && value !== null, 'must be an object'),
  ),
});

const curriculumLearning = v.strictObject({
  enabled: v.optional(booleanOption, false),
  /** Folder of the cluster files that DeepSpeed writes. Required only with `parity`. */
  data_cluster_path: v.optional(text),
  /** Metric → its configuration. The order of the metrics matters. */
  curriculum_metrics: v.optional(recordOf(metric)),
});

const dynamicBatching = v.strictObject({
  enabled: v.optional(booleanOption, false),
  metrics_path: v.optional(text),
  lr_scaling_method: v.optional(
    v.picklist(['linear', 'sqrt', 'none'], `must be 'linear', 'sqrt' or 'none'`),
    'linear',
  ),
  min_batch_size: v.optional(integerFrom(1), 1),
  max_batch_size: v.optional(v.nullable(integerFrom(1)), null),
  sequence_picking_order: v.optional(
    v.picklist(['dataloader', 'random', 'seqlen'], `must be 'dataloader', 'random' or 'seqlen'`),
    'dataloader',
  ),
  max_tokens: v.optional(integerFrom(1)),
  verbose: v.optional(booleanOption, false),
});

const dataSampling = v.strictObject({
  enabled: v.optional(booleanOption, false),
  num_epochs: v.optional(integerFrom(1), 1000),
  num_workers: v.optional(integerFrom(0), 0),
  pin_memory: v.optional(booleanOption, false),
  curriculum_learning: v.optional(curriculumLearning, {}),
  dynamic_batching: v.optional(dynamicBatching, {}),
});

const randomLtd = v.strictObject({
  enabled: v.optional(booleanOption, false),
  total_layer_num: v.optional(integerFrom(1)),
  random_ltd_layer_num: v.optional(integerFrom(0)),
  random_ltd_layer_id: v.optional(v.array(integerFrom(0), 'must be a list of layer numbers')),
  model_mask_name: v.optional(v.nullable(v.string('must be a string'))),
  model_type: v.optional(v.picklist(['decoder', 'encoder'], `must be 'decoder' or 'encoder'`)),
  hidden_state_order: v.optional(
    v.picklist(['batch_seq_dim', 'seq_batch_dim'], `must be 'batch_seq_dim' or 'seq_batch_dim'`),
  ),
  global_batch_size: v.optional(integerFrom(1)),
  micro_batch_size: v.optional(integerFrom(1)),
  random_ltd_schedule: v.optional(
    v.strictObject({
      min_value: integerFrom(0),
      max_value: integerFrom(1),
      schedule_type: v.literal('fixed_linear', 'must be fixed_linear, the only schedule supported'),
      schedule_config: v.strictObject({ require_steps: integerFrom(1), seq_per_step: integerFrom(1) }),
    }),
  ),
  layer_token_lr_schedule: v.optional(
    v.looseObject({ enabled: v.optional(v.literal(false, 'is not supported: must be false'), false) }),
    {},
  ),
});

const dataRouting = v.strictObject({
  enabled: v.optional(booleanOption, false),
  random_ltd: v.optional(randomLtd, {}),
});

/** Schema of the `data_efficiency` section of a DeepSpeed configuration, with DeepSpeed's defaults. */
export const dataEfficiencySchema = v.strictObject({
  enabled: v.optional(booleanOption, false),
  seed: v.optional(integerFrom(0), 1234),
  data_sampling: v.optional(dataSampling, {}),
  data_routing: v.optional(dataRouting, {}),
});

/** The `data_efficiency` section with defaults filled in. */
export type DataEfficiencyConfig = v.InferOutput<typeof dataEfficiencySchema>;

/** The `data_efficiency` section as a user writes it. */
export type DataEfficiencyInput = v.InferInput<typeof dataEfficiencySchema>;

/** How one metric admits samples. */
export type CurriculumMetricConfig = v.InferOutput<typeof metric>;

/**
 * Disables each feature whose outer sections are disabled: `data_efficiency.enabled`, then `data_sampling.enabled` or
 * `data_routing.enabled`, then the feature's own. DeepSpeed reads only the innermost switch, and so does a
 * configuration that is read with `parity`.
 */
export function honourOuterSwitches(config: DataEfficiencyConfig): DataEfficiencyConfig {
  const { data_sampling, data_routing } = config;
  const sampling = config.enabled && data_sampling.enabled;
  const routing = config.enabled && data_routing.enabled;
  return {
    ...config,
    data_sampling: {
      ...data_sampling,
      curriculum_learning: onlyIf(sampling, data_sampling.curriculum_learning),
      dynamic_batching: onlyIf(sampling, data_sampling.dynamic_batching),
    },
    data_routing: { ...data_routing, random_ltd: onlyIf(routing, data_routing.random_ltd) },
  };
}

function onlyIf<T extends { readonly enabled: boolean }>(outer: boolean, section: T): T {
  return { ...section, enabled: outer && section.enabled };
}
