import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { DeepSpeedConfig } from './config.js';
import {
  type DataEfficiencyConfig,
  type DataEfficiencyInput,
  dataEfficiencySchema,
  honourOuterSwitches,
} from './data-efficiency-config.js';
import { dataEfficiencyProblems } from './data-efficiency-rules.js';

export interface DeepSpeedDataSamplerOptions {
  /** Number of samples of the dataset, which make one epoch. */
  readonly totalSamples: number;
  /** Samples of one micro-step of one rank. */
  readonly microBatchSize: number;
  /** This data-parallel rank. @defaultValue `0` */
  readonly dataParallelRank?: number;
  /** Number of data-parallel ranks that share each micro-step. @defaultValue `1` */
  readonly dataParallelWorldSize?: number;
  /** Micro-steps per global batch. @defaultValue `1` */
  readonly gradientAccumulationSteps?: number;
  /**
   * Rank among all processes. Only rank 0 writes cluster files, and only with `parity`. @defaultValue
   * `dataParallelRank`
   */
  readonly globalRank?: number;
  /** Whether to drop a last micro-step that is not full. @defaultValue `true` */
  readonly dropLast?: boolean;
  /**
   * Whether to reproduce DeepSpeed's batches, states and cluster files with all its defects: one micro-step too many,
   * short batches from small clusters, a state that repeats the random numbers from their start. @defaultValue
   * `false`
   */
  readonly parity?: boolean;
}

const schema = v.pipe(
  v.strictObject({
    totalSamples: integerFrom(1),
    microBatchSize: integerFrom(1),
    dataParallelRank: v.optional(integerFrom(0), 0),
    dataParallelWorldSize: v.optional(integerFrom(1), 1),
    gradientAccumulationSteps: v.optional(integerFrom(1), 1),
    globalRank: v.optional(integerFrom(0)),
    dropLast: v.optional(booleanOption, true),
    parity: v.optional(booleanOption, false),
  }),
  v.forward(
    v.check(
      (options) => options.dataParallelRank < options.dataParallelWorldSize,
      'must be below dataParallelWorldSize',
    ),
    ['dataParallelRank'],
  ),
);

/** Checked options of the sampler, and the sizes derived from them. */
export interface SamplerSettings extends Readonly<v.InferOutput<typeof schema>> {
  readonly globalRank: number;
  /** Samples of a micro-step over all ranks. */
  readonly microStepSize: number;
  /** Samples of a global batch: of all its micro-steps. */
  readonly globalBatchSize: number;
  /** Samples of all epochs together. */
  readonly samplesOfAllEpochs: number;
}

/** @throws {@link ConfigError} naming every option that is unknown, missing or out of range. */
export function resolveSamplerSettings(
  options: DeepSpeedDataSamplerOptions,
  numEpochs: number,
): SamplerSettings {
  const given = parseOptions('DeepSpeedDataSampler options', schema, options);
  const microStepSize = given.microBatchSize * given.dataParallelWorldSize;
  return {
    ...given,
    globalRank: given.globalRank ?? given.dataParallelRank,
    microStepSize,
    globalBatchSize: microStepSize * given.gradientAccumulationSteps,
    samplesOfAllEpochs: given.totalSamples * numEpochs,
  };
}

/** The configuration of a sampler: a whole configuration, or its `data_efficiency` section. */
export type SamplerConfig = DeepSpeedConfig | DataEfficiencyInput;

/** @throws {@link ConfigError} if the section is invalid, or curriculum learning is not enabled in it. */
export function resolveSamplerConfig(config: SamplerConfig, parity: boolean): DataEfficiencyConfig {
  const section = 'dataEfficiency' in config ? config.dataEfficiency : config;
  const parsed = parseOptions('DeepSpeedDataSampler', dataEfficiencySchema, section, 'data_efficiency');
  const effective = parity ? parsed : honourOuterSwitches(parsed);
  const problems = dataEfficiencyProblems(effective, parity);
  if (problems.length > 0) throw new ConfigError('DeepSpeedDataSampler', problems);
  if (effective.data_sampling.curriculum_learning.enabled) return effective;
  throw new ConfigError(
    'DeepSpeedDataSampler',
    [{ field: 'data_efficiency.data_sampling.curriculum_learning.enabled', message: 'must be true' }],
    { next: 'Set enabled: true in data_efficiency, data_sampling and curriculum_learning.' },
  );
}
