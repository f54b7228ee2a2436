import type { Dataset, IterableDataset } from '../core/dataset.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import type { LoaderPlan } from './data-loader-options.js';

/**
 * Batches per pass of one rank, or `null` if the length of the dataset is unknown.
 *
 * @param sampler - The sampler: of samples, or of micro-steps with curriculum learning.
 */
export function loaderLength(
  { batchSize, dataloaderDropLast, order, parity, worldSize }: LoaderPlan,
  dataset: Dataset<unknown> | IterableDataset<unknown>,
  sampler: Sampler | BatchSampler | undefined,
): number | null {
  if (sampler && (order === 'variable' || (order === 'curriculum' && !parity))) return sampler.length;
  const samples = sampler?.length ?? dataset.length;
  if (samples === undefined) return null;
  // A stream is divided into global batches first, and these into the shares of the ranks.
  const batches = samples / (sampler ? batchSize : batchSize * worldSize);
  return dataloaderDropLast ? Math.floor(batches) : Math.ceil(batches);
}
