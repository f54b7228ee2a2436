import * as v from 'valibot';
import { ConfigError, type ConfigProblem, type ErrorLocation } from '../core/errors.js';
import { lastOf } from '../core/last-of.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { environment } from '../core/platform.js';
import type { BatchSizes, GivenBatchSizes } from './batch-size-triangle.js';

/** The section `elasticity`, from which DeepSpeed computes the batch sizes for a world size. */
export const elasticitySchema = v.strictObject({
  enabled: v.optional(booleanOption, false),
  max_train_batch_size: v.optional(integerFrom(1)),
  micro_batch_sizes: v.optional(
    v.pipe(v.array(integerFrom(1), 'must be a list of whole numbers'), v.minLength(1, 'must not be empty')),
  ),
  min_gpus: v.optional(integerFrom(1), 1),
  max_gpus: v.optional(integerFrom(1), 10_000),
  num_gpus_per_node: v.optional(integerFrom(1), 1),
  model_parallel_size: v.optional(integerFrom(1), 1),
  min_time: v.optional(integerFrom(0), 0),
  prefer_larger_batch: v.optional(booleanOption, true),
  ignore_non_elastic_batch_info: v.optional(booleanOption, false),
  version: v.optional(v.pipe(v.union([v.number(), v.string()]), v.transform(Number)), 0.2),
});

type Elasticity = v.InferOutput<typeof elasticitySchema>;

/** Complete input of the computation. */
interface Limits {
  readonly microBatches: readonly number[];
  readonly maxBatch: number;
  readonly minGpus: number;
  readonly maxGpus: number;
  readonly preferLarger: boolean;
}

interface Elastic {
  readonly batchSize: number;
  /** World sizes that divide it. */
  readonly worldSizes: readonly number[];
}

/**
 * Computes the batch sizes of a world size as DeepSpeed's `compute_elastic_config` does.
 *
 * @param given - Batch sizes outside the section; must be absent unless `ignore_non_elastic_batch_info` is set.
 * @param worldSize - Data-parallel world size.
 * @throws {@link ConfigError} where DeepSpeed raises an error: for a missing key, a contradiction, or a world size
 *   that divides no batch size; the message then lists the world sizes that do.
 */
export function elasticBatchSizes(
  section: Elasticity,
  given: GivenBatchSizes,
  worldSize: number,
): BatchSizes {
  const problems = sectionProblems(section, given);
  if (problems.length > 0) throw new ConfigError('DeepSpeed configuration', problems);
  refuseOtherThanScheduled(section);
  // Checked above.
  const { micro_batch_sizes: microBatches = [], max_train_batch_size: maxBatch = 0 } = section;
  const limits: Limits = {
    microBatches,
    maxBatch,
    minGpus: section.min_gpus,
    maxGpus: section.max_gpus,
    preferLarger: section.prefer_larger_batch,
  };
  const { batchSize, worldSizes } =
    section.version === 0.1 ? bestBatch(limits) : bestBatchOfNodes(limits, section, worldSize);
  if (!worldSizes.includes(worldSize)) {
    const shown = worldSizes.slice(0, 24).join(', ') + (worldSizes.length > 24 ? ', …' : '');
    const message = `is enabled, and a batch of ${batchSize} cannot be used with a world size of ${worldSize}; possible world sizes: ${shown || 'none'}`;
    throw problem('elasticity', message, { original: 'ElasticityIncompatibleWorldSize', worldSize });
  }
  const share = Math.floor(batchSize / worldSize);
  const microBatchSize = Math.max(...microBatches.filter((size) => share % size === 0), 0);
  if (microBatchSize === 0)
    throw problem(
      'elasticity.micro_batch_sizes',
      `has no divisor of ${share}, the share of one GPU in ${batchSize}`,
    );
  const gradientAccumulationSteps = Math.floor(batchSize / (microBatchSize * worldSize));
  return { trainBatchSize: batchSize, microBatchSize, gradientAccumulationSteps };
}

/** A resource scheduler says in the environment which section it scales the run by. It must be the same one. */
function refuseOtherThanScheduled(section: Elasticity): void {
  const text = environment.DEEPSPEED_ELASTICITY_CONFIG;
  if (!text) return;
  const scheduled = parseScheduled(text);
  const problems = (['max_train_batch_size', 'micro_batch_sizes', 'version'] as const)
    .filter((key) => JSON.stringify(scheduled[key]) !== JSON.stringify(section[key]))
    .map((key) => ({
      field: `elasticity.${key}`,
      message: `is ${JSON.stringify(section[key])}, and the resource scheduler's (DEEPSPEED_ELASTICITY_CONFIG) is ${JSON.stringify(scheduled[key])}`,
    }));
  if (problems.length > 0) throw new ConfigError('DeepSpeed configuration', problems);
}

function parseScheduled(text: string): Elasticity {
  let scheduled: unknown;
  try {
    scheduled = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError('Environment', [{ field: 'DEEPSPEED_ELASTICITY_CONFIG', message: 'is not JSON' }], {
      cause,
    });
  }
  return parseOptions('DEEPSPEED_ELASTICITY_CONFIG', elasticitySchema, scheduled);
}

function sectionProblems(section: Elasticity, given: GivenBatchSizes): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const add = (field: string, message: string) => problems.push({ field: `elasticity.${field}`, message });
  const { version, min_gpus, max_gpus, model_parallel_size, num_gpus_per_node } = section;
  if (section.max_train_batch_size === undefined) add('max_train_batch_size', 'is missing');
  if (section.micro_batch_sizes === undefined) add('micro_batch_sizes', 'is missing');
  if (max_gpus < min_gpus) add('max_gpus', `is ${max_gpus}, below min_gpus, ${min_gpus}`);
  if (version !== 0.1 && version !== 0.2) add('version', `must be 0.1 or 0.2, not ${version}`);
  if (model_parallel_size > 1 && version === 0.1) add('model_parallel_size', 'needs version 0.2');
  if (version === 0.2 && num_gpus_per_node % model_parallel_size !== 0)
    add(
      'num_gpus_per_node',
      `is ${num_gpus_per_node}, which model_parallel_size ${model_parallel_size} does not divide`,
    );
  if (section.ignore_non_elastic_batch_info) return problems;
  const sizes = [
    'train_batch_size',
    'train_micro_batch_size_per_gpu',
    'gradient_accumulation_steps',
  ] as const;
  for (const field of sizes) {
    if (given[field] === undefined) continue;
    const message =
      'has no effect together with elasticity.enabled, which decides the sizes: remove it, or set elasticity.ignore_non_elastic_batch_info';
    problems.push({ field, message });
  }
  return problems;
}

/** Highly composite numbers: a multiple of one divides evenly by many world sizes. */
const highlyComposite = [
  1, 2, 4, 6, 12, 24, 36, 48, 60, 120, 180, 240, 360, 720, 840, 1260, 1680, 2520, 5040, 7560, 10080, 15120,
  20160, 25200, 27720, 45360, 50400, 55440, 83160, 110880, 166320, 221760, 277200, 332640, 498960, 554400,
  665280, 720720,
];

/** Version 0.1: of the multiples of micro-batches, the batch size that divides evenly by most world sizes. */
function bestBatch({ microBatches, maxBatch, minGpus, maxGpus, preferLarger }: Limits): Elastic {
  const smallest = Math.min(...microBatches);
  const tooLarge = microBatches.find((size) => size > maxBatch);
  if (tooLarge !== undefined)
    throw problem('elasticity.micro_batch_sizes', `has ${tooLarge}, above the largest batch, ${maxBatch}`);
  const candidates = [...microBatches, microBatches.reduce(leastCommonMultiple)]
    .filter((base) => base <= maxBatch)
    .map((base) => {
      const room = Math.floor(maxBatch / base);
      return base * lastOf(highlyComposite, (factor) => factor <= room);
    });
  let best: Elastic = { batchSize: smallest, worldSizes: [] };
  for (const batchSize of new Set(candidates)) {
    const worldSizes = worldSizesOf(batchSize, microBatches, minGpus, maxGpus);
    const [more, larger] = [worldSizes.length - best.worldSizes.length, batchSize - best.batchSize];
    if (more > 0 || (more === 0 && (preferLarger ? larger > 0 : larger < 0)))
      best = { batchSize, worldSizes };
  }
  return best;
}

function worldSizesOf(
  batchSize: number,
  microBatches: readonly number[],
  min: number,
  max: number,
): number[] {
  const sizes = new Set<number>();
  for (const microBatch of microBatches) {
    if (batchSize % microBatch !== 0) continue;
    const most = batchSize / microBatch;
    for (let divisor = 1; divisor * divisor <= most; divisor++) {
      if (most % divisor !== 0) continue;
      for (const size of [divisor, most / divisor]) if (size >= min && size <= max) sizes.add(size);
    }
  }
  return [...sizes].sort((a, b) => a - b);
}

/**
 * Version 0.2 counts nodes. A world size without such a batch size gets the largest or smallest multiple of its own.
 */
function bestBatchOfNodes(limits: Limits, section: Elasticity, worldSize: number): Elastic {
  const { num_gpus_per_node: gpus, model_parallel_size: modelParallel } = section;
  const { maxBatch, microBatches, preferLarger } = limits;
  const ranksPerNode = gpus / modelParallel;
  const nodeBatch = Math.floor(maxBatch / ranksPerNode);
  const ofNodes = bestBatch({
    ...limits,
    maxBatch: nodeBatch,
    minGpus: Math.floor(limits.minGpus / gpus) || 1,
    maxGpus: Math.floor(limits.maxGpus / gpus) || Math.floor(nodeBatch / Math.min(...microBatches)),
  });
  const worldSizes = ofNodes.worldSizes.map((nodes) => nodes * ranksPerNode);
  if (worldSizes.includes(Math.floor(worldSize / modelParallel)))
    return { batchSize: ofNodes.batchSize * ranksPerNode, worldSizes };
  const ranks = (worldSize / gpus) * ranksPerNode;
  const multiples = microBatches.map((size) => Math.floor(maxBatch / (size * ranks)) * size * ranks);
  const batchSize = Math.trunc(preferLarger ? Math.max(...multiples) : Math.min(...multiples));
  return { batchSize, worldSizes: [Math.trunc(ranks)] };
}

function leastCommonMultiple(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller > 0) [larger, smaller] = [smaller, larger % smaller];
  return (a / larger) * b;
}

function problem(field: string, message: string, where: ErrorLocation = {}): ConfigError {
  return new ConfigError('DeepSpeed configuration', [{ field, message }], { where });
}
