import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions, recordOf } from '../core/options.js';
import { type GivenBatchSizes, resolveBatchSizes } from './batch-size-triangle.js';
import { fillAuto } from './config-auto.js';
import { keysOfOtherParts } from './config-keys.js';
import { parseConfigText } from './config-text.js';
import {
  type DataEfficiencyConfig,
  dataEfficiencySchema,
  honourOuterSwitches,
} from './data-efficiency-config.js';
import { dataEfficiencyProblems } from './data-efficiency-rules.js';
import { elasticBatchSizes, elasticitySchema } from './elasticity.js';
import type { CurriculumConfig } from './schedule-config.js';
import { seqlenCurriculumOf } from './seqlen-config.js';

export interface ParseDeepSpeedConfigOptions {
  /** Processes of the run. @defaultValue `1` */
  readonly worldSize?: number;
  /**
   * Values for keys that say `"auto"`, which a trainer fills in, by their JSON path: `{ train_micro_batch_size_per_gpu: 8 }`.
   * @defaultValue none
   */
  readonly auto?: Readonly<Record<string, unknown>>;
  /**
   * Whether to follow DeepSpeed's defects: only the innermost `enabled` switches count, and curriculum learning
   * requires a folder for its cluster files. @defaultValue `false`
   */
  readonly parity?: boolean;
}

/** The data settings of a DeepSpeed configuration, with defaults filled in. */
export interface DeepSpeedConfig {
  /** Samples per global batch. */
  readonly trainBatchSize: number;
  readonly trainMicroBatchSizePerGpu: number;
  readonly gradientAccumulationSteps: number;
  /**
   * Number of ranks that read different data: the world size divided by `sequence_parallel_size` and
   * `tensor_parallel.autotp_size`.
   */
  readonly dataParallelWorldSize: number;
  /** Number of ranks that share each sequence, and therefore read the same data. */
  readonly sequenceParallelSize: number;
  /** Ranks that share each layer, and so read the same data. */
  readonly tensorParallelSize: number;
  readonly dataloaderDropLast: boolean;
  readonly stepsPerPrint: number | null;
  readonly timers: { readonly throughput: { readonly enabled: boolean; readonly synchronized: boolean } };
  /** In DeepSpeed's spelling. `enabled` selects what is active. */
  readonly dataEfficiency: DataEfficiencyConfig;
  /** The legacy curriculum, by sequence length: the section `curriculum_learning`, if it is enabled. */
  readonly seqlenCurriculum: CurriculumConfig | null;
  /** Whether the configuration was read with `parity`. */
  readonly parity: boolean;
}

const optionsSchema = v.strictObject({
  worldSize: v.optional(integerFrom(1), 1),
  auto: v.optional(recordOf(v.unknown()), {}),
  parity: v.optional(booleanOption, false),
});

const size = v.optional(
  v.nullable(v.pipe(v.number('must be a number'), v.safeInteger('must be an integer'))),
);

const dataKeys = {
  train_batch_size: size,
  train_micro_batch_size_per_gpu: size,
  gradient_accumulation_steps: size,
  sequence_parallel_size: v.optional(v.nullable(integerFrom(1)), 1),
  data_parallel_size: v.optional(v.nullable(integerFrom(1))),
  tensor_parallel: v.optional(v.looseObject({ autotp_size: v.optional(integerFrom(0), 0) }), {}),
  dataloader_drop_last: v.optional(booleanOption, false),
  steps_per_print: v.optional(v.nullable(integerFrom(1)), null),
  timers: v.optional(
    v.strictObject({
      throughput: v.optional(
        v.strictObject({
          enabled: v.optional(booleanOption, true),
          synchronized: v.optional(booleanOption, true),
        }),
        {},
      ),
    }),
    {},
  ),
  data_efficiency: v.optional(dataEfficiencySchema, {}),
  elasticity: v.optional(elasticitySchema, {}),
  // The legacy curriculum, by sequence length. If disabled, it has no effect.
  curriculum_learning: v.optional(v.looseObject({ enabled: v.optional(booleanOption, false) }), {}),
};

// Passed as entries, so that the error for a misspelled key suggests the nearest of all known keys.
const otherKeys = Object.fromEntries([...keysOfOtherParts].map((key) => [key, v.optional(v.unknown())]));
const schema = v.strictObject({ ...otherKeys, ...dataKeys });

/**
 * Parses the data settings of a DeepSpeed configuration.
 *
 * @param json - The configuration, or its text: JSON, also with comments and trailing commas (Hjson), or either in
 *   URL-safe base64. It is not modified.
 * @throws {@link ConfigError} naming the JSON path of everything that is unknown, invalid, missing or contradictory.
 * @example
 * const config = parseDeepSpeedConfig(await readFile('ds_config.json', 'utf8'), { worldSize: 8 });
 */
export function parseDeepSpeedConfig(
  json: string | object,
  options: ParseDeepSpeedConfigOptions = {},
): DeepSpeedConfig {
  const { worldSize, auto, parity } = parseOptions('parseDeepSpeedConfig options', optionsSchema, options);
  const source = fillAuto(
    typeof json === 'string' ? parseConfigText(json) : json,
    auto,
    Object.keys(dataKeys),
  );
  const parsed = parseOptions('DeepSpeed configuration', schema, source) as v.InferOutput<
    v.StrictObjectSchema<typeof dataKeys, undefined>
  >;
  const sequenceParallelSize = parsed.sequence_parallel_size ?? 1;
  const tensorParallelSize = Math.max(1, parsed.tensor_parallel.autotp_size);
  const dataParallelWorldSize = divideRanks(worldSize, sequenceParallelSize, tensorParallelSize);
  checkMesh(parsed, worldSize);
  const given = parsed.elasticity.enabled
    ? elasticSizes(parsed.elasticity, parsed, dataParallelWorldSize)
    : parsed;
  const sizes = resolveBatchSizes(given, dataParallelWorldSize);
  const dataEfficiency = parity ? parsed.data_efficiency : honourOuterSwitches(parsed.data_efficiency);
  const problems = dataEfficiencyProblems(dataEfficiency, parity);
  if (problems.length > 0) throw new ConfigError('DeepSpeed configuration', problems);
  return {
    trainBatchSize: sizes.trainBatchSize,
    trainMicroBatchSizePerGpu: sizes.microBatchSize,
    gradientAccumulationSteps: sizes.gradientAccumulationSteps,
    dataParallelWorldSize,
    sequenceParallelSize,
    tensorParallelSize,
    dataloaderDropLast: parsed.dataloader_drop_last,
    stepsPerPrint: parsed.steps_per_print,
    timers: parsed.timers,
    dataEfficiency,
    seqlenCurriculum: seqlenCurriculumOf(parsed.curriculum_learning, parity),
    parity,
  };
}

function elasticSizes(
  section: v.InferOutput<typeof elasticitySchema>,
  given: GivenBatchSizes,
  worldSize: number,
): GivenBatchSizes {
  const sizes = elasticBatchSizes(section, given, worldSize);
  return {
    train_batch_size: sizes.trainBatchSize,
    train_micro_batch_size_per_gpu: sizes.microBatchSize,
    gradient_accumulation_steps: sizes.gradientAccumulationSteps,
  };
}

function divideRanks(worldSize: number, sequenceParallel: number, tensorParallel: number): number {
  const shared = sequenceParallel * tensorParallel;
  if (worldSize % shared === 0) return worldSize / shared;
  const field = tensorParallel > 1 ? 'tensor_parallel.autotp_size' : 'sequence_parallel_size';
  const product = sequenceParallel > 1 && tensorParallel > 1 ? ', times sequence_parallel_size,' : '';
  const message = `is ${tensorParallel > 1 ? tensorParallel : sequenceParallel}, which${product} does not divide the world size ${worldSize}`;
  throw new ConfigError('DeepSpeed configuration', [{ field, message }]);
}

/** Given both, the two sizes are the device mesh, which has all processes. */
function checkMesh(
  {
    data_parallel_size: data,
    sequence_parallel_size: sequence,
  }: {
    readonly data_parallel_size?: number | null | undefined;
    readonly sequence_parallel_size: number | null;
  },
  worldSize: number,
): void {
  if (data == null || sequence == null || sequence === 1 || data * sequence === worldSize) return;
  const message = `times sequence_parallel_size, ${data} · ${sequence}, is not the world size ${worldSize}`;
  throw new ConfigError('DeepSpeed configuration', [{ field: 'data_parallel_size', message }]);
}
