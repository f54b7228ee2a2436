import { type Dataset, isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { sampleContext } from '../random/sample-context.js';
import { Subset } from './subset.js';

/** Samples that are requested concurrently. */
const concurrency = 64;

/**
 * Keeps the samples of a map-style dataset for which a predicate returns true, in order. It reads every sample once,
 * immediately, and stores indices: the result has a length, shuffles, seeks and resumes like any map-style dataset.
 *
 * @param keep - The predicate. It must be deterministic: otherwise a resumed run has a different dataset and a different fingerprint.
 * @throws Whatever the dataset or the predicate throws.
 * @remarks Reads n samples; 8 bytes per kept sample.
 */
export async function filterDataset<T>(
  dataset: Dataset<T>,
  keep: (sample: T, index: number) => boolean | Promise<boolean>,
): Promise<Subset<T>> {
  if (!isMapDataset(dataset)) {
    const message = 'is not map-style; filter a stream in its own iterate()';
    throw new ConfigError('filterDataset', [{ field: 'dataset', message }]);
  }
  const kept: number[] = [];
  for (let start = 0; start < dataset.length; start += concurrency) {
    const indices = Array.from(
      { length: Math.min(concurrency, dataset.length - start) },
      (_, k) => start + k,
    );
    const answers = await Promise.all(
      indices.map(async (index) => keep(await dataset.get(index, sampleContext(index)), index)),
    );
    kept.push(...indices.filter((_, k) => answers[k]));
  }
  return new Subset(dataset, kept);
}
