import type { Dataset } from '../../core/dataset.js';
import { ConfigError, type ConfigProblem, EmptyLoaderError } from '../../core/errors.js';
import type { BatchSampler as BatchSource, Sampler } from '../../core/sampler.js';
import { BatchSampler } from '../../samplers/batch-sampler.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { DatasetFacts } from './dataset-facts.js';
import { samplerName } from './fast-forward.js';
import { type Sharing, tooSmall } from './rank-layout.js';

/**
 * Rejects a sampler that cannot be divided among the ranks of a loader.
 *
 * @throws {@link ConfigError} if the sampler divides the samples among ranks itself, or makes full batches with fewer
 *   samples than parts
 */
export function checkSharing(source: BatchSource, sharing: Sharing): void {
  const { worldSize, gradientAccumulationSteps: steps } = sharing;
  const name = samplerName(source) ?? 'The sampler';
  const sampler: BatchSource | Sampler = source instanceof BatchSampler ? source.sampler : source;
  const field = source instanceof BatchSampler ? 'sampler' : 'batchSampler';
  if (worldSize > 1 && (sampler.worldSize ?? 1) > 1) {
    const message =
      `${name} divides the samples among ${sampler.worldSize} ranks itself, and the loader would divide each share among ${worldSize} again: ` +
      'remove the sampler (rank and worldSize of the loader are enough), or rank and worldSize of the loader';
    throw new ConfigError('DataLoader options', [{ field, message }]);
  }
  const parts = worldSize * steps;
  if (source.maxParts === undefined || source.maxParts >= parts) return;
  const problem = source instanceof BatchSampler ? tooSmall(source.batchSize, sharing) : undefined;
  const message =
    problem?.message ??
    `${name} makes global batches of ${source.maxParts} parts, but worldSize ${worldSize} × gradientAccumulationSteps ${steps} = ${parts} parts ` +
      `are needed: make it with microBatches of ${parts} or a multiple`;
  throw new ConfigError('DataLoader options', [{ field: problem?.field ?? field, message }]);
}

/**
 * Rejects an order that a dataset does not support, because its samples depend on their global batch.
 *
 * @throws {@link ConfigError} naming the option
 */
export function checkBatchSize(
  { scheduledBatchSize: needed }: Pick<Dataset<unknown>, 'scheduledBatchSize'>,
  name: string,
  { batchSize = 1, shuffle, batchSampler, sampler }: ResolvedOptions,
): void {
  if (needed === undefined) return;
  const own =
    batchSampler instanceof BatchSampler ? batchSampler.batchSize : batchSampler ? undefined : batchSize;
  const problems: ConfigProblem[] = [];
  if (own !== needed) {
    const message = `is ${own ?? 'not known'}, but ${name} counts its schedule in global batches of ${needed}`;
    problems.push({ field: batchSampler ? 'batchSampler' : 'batchSize', message });
  }
  if (shuffle && !sampler) {
    const message = `would break the schedule of ${name}, which is shuffled already`;
    problems.push({ field: 'shuffle', message });
  }
  if (problems.length > 0) throw new ConfigError('DataLoader options', problems);
}

/**
 * Rejects an order without batches. Accepts PyTorch's, which a `generator` selects, and that of a sampler that may be
 * empty.
 *
 * @throws {@link EmptyLoaderError} if a dataset has samples and no epoch would have a batch
 */
export function refuseEmptyOrder(
  { length: samples = 0 }: DatasetFacts,
  batches: number,
  { batchSize = 1, dropLast, generator, sampler }: ResolvedOptions,
): void {
  if (samples === 0 || batches > 0 || generator || sampler?.mayBeEmpty) return;
  throw new EmptyLoaderError(
    `An epoch has no batch, though the dataset has ${samples} ${samples === 1 ? 'sample' : 'samples'}`,
    {
      next: dropLast
        ? `dropLast leaves out the only batch, because an epoch has fewer samples than batchSize, ${batchSize}. Pass dropLast: false or a smaller batchSize.`
        : 'The sampler yields no index: check what it was made from.',
    },
  );
}
