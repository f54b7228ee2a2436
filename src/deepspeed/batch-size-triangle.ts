import { ConfigError } from '../core/errors.js';

/** The three sizes in a configuration; some may be missing. */
export interface GivenBatchSizes {
  readonly train_batch_size?: number | null | undefined;
  readonly train_micro_batch_size_per_gpu?: number | null | undefined;
  readonly gradient_accumulation_steps?: number | null | undefined;
}

/** The three sizes, related by `trainBatchSize = microBatchSize · gradientAccumulationSteps · worldSize`. */
export interface BatchSizes {
  readonly trainBatchSize: number;
  readonly microBatchSize: number;
  readonly gradientAccumulationSteps: number;
}

/**
 * Computes the batch sizes that a DeepSpeed configuration omits.
 *
 * @param given - Integers, or nothing.
 * @param worldSize - Data-parallel world size.
 * @throws {@link ConfigError} if neither the train nor the micro batch size is given, if a size is not positive, or
 *   if the product is wrong; the message has all four numbers.
 */
export function resolveBatchSizes(given: GivenBatchSizes, worldSize: number): BatchSizes {
  const sizes = deriveMissing(given, worldSize);
  checkPositive(sizes, given);
  const { trainBatchSize, microBatchSize, gradientAccumulationSteps } = sizes;
  if (trainBatchSize === microBatchSize * gradientAccumulationSteps * worldSize) return sizes;
  throw sizeError(
    'train_batch_size',
    `must equal micro batch per GPU · gradient accumulation steps · world size: ` +
      `${trainBatchSize} != ${microBatchSize} * ${gradientAccumulationSteps} * ${worldSize}`,
  );
}

function deriveMissing(given: GivenBatchSizes, worldSize: number): BatchSizes {
  const train = given.train_batch_size ?? undefined;
  const micro = given.train_micro_batch_size_per_gpu ?? undefined;
  const steps = given.gradient_accumulation_steps ?? undefined;
  if (train === undefined && micro === undefined) {
    throw sizeError(
      'train_batch_size',
      'either train_batch_size or train_micro_batch_size_per_gpu needs to be provided',
    );
  }
  const gradientAccumulationSteps =
    steps ?? (train !== undefined && micro !== undefined ? quotient(quotient(train, micro), worldSize) : 1);
  const microBatchSize = micro ?? quotient(quotient(train ?? 0, worldSize), gradientAccumulationSteps);
  const trainBatchSize = train ?? microBatchSize * gradientAccumulationSteps * worldSize;
  return { trainBatchSize, microBatchSize, gradientAccumulationSteps };
}

// A remainder shows when the three sizes are multiplied again. Dividing by zero gives zero, which is rejected as not
// positive.
function quotient(dividend: number, divisor: number): number {
  return divisor === 0 ? 0 : Math.floor(dividend / divisor);
}

const fieldOf = {
  trainBatchSize: 'train_batch_size',
  microBatchSize: 'train_micro_batch_size_per_gpu',
  gradientAccumulationSteps: 'gradient_accumulation_steps',
} as const;

function checkPositive(sizes: BatchSizes, given: GivenBatchSizes): void {
  for (const key of ['trainBatchSize', 'microBatchSize', 'gradientAccumulationSteps'] as const) {
    if (sizes[key] > 0) continue;
    const derived = given[fieldOf[key]] == null ? ', derived from the other sizes,' : '';
    const all = `train ${sizes.trainBatchSize}, micro ${sizes.microBatchSize}, accumulation ${sizes.gradientAccumulationSteps}`;
    throw sizeError(fieldOf[key], `${sizes[key]}${derived} must be greater than 0 (${all})`);
  }
}

function sizeError(field: string, message: string): ConfigError {
  return new ConfigError('DeepSpeed configuration', [{ field, message }], {
    next: 'Set two of train_batch_size, train_micro_batch_size_per_gpu and gradient_accumulation_steps; the third follows.',
  });
}
