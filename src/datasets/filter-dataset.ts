import { type Dataset, isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { sampleContext } from '../random/sample-context.js';
import { Subset } from './subset.js';

/** Samples that are asked for at once. */
const concurrency = 64;

/**
 * The samples of a map-style dataset that a predicate keeps, in their order. Every sample is made once, now; what is kept is a
 * list of indices, so that length, shuffling, seeking and resuming on other ranks are those of any map-style dataset.
 *
 * @param keep - Must give the same answer each time, or a resumed run has another dataset (its fingerprint says so).
 * @throws What the dataset or the predicate throws.
 * @remarks O(n) samples made, 8 bytes for each that is kept.
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
