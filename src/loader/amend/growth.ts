import type { Dataset } from '../../core/dataset.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';

/**
 * What differs, if a dataset is not another one with samples added at its end. A dataset is known to begin with another one if it is a
 * `ConcatDataset` that does, or if neither has a fingerprint.
 *
 * @returns `undefined` if it is the same dataset, or has grown
 */
export function growthProblem(old: Dataset<unknown>, now: Dataset<unknown>): string | undefined {
  const [before, after] = [datasetFingerprint(old), datasetFingerprint(now)];
  if (before === after) return undefined;
  if (now.length < old.length) return `shrinks from ${old.length} to ${now.length} samples`;
  if (!old.fingerprint && !now.fingerprint) return undefined;
  const [beginning, whole] = [partsOf(old), partsOf(now)].map((parts) => parts.map(datasetFingerprint));
  if (beginning!.every((part, k) => part === whole![k])) return undefined;
  return (
    `has other samples: its fingerprint was ${before}, ${old.length} samples, and is ${after}, ${now.length} samples. ` +
    'Add samples with new ConcatDataset([old, more])'
  );
}

/** The datasets that a dataset consists of, end to end. */
function partsOf(dataset: Dataset<unknown>): readonly Dataset<unknown>[] {
  const { datasets, ends } = dataset as Partial<{ datasets: Dataset<unknown>[]; ends: number[] }>;
  return datasets && ends ? datasets.flatMap(partsOf) : [dataset];
}
