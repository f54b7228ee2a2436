import type { Dataset, IterableDataset } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';

/** The dataset's fingerprint, or a fingerprint of its length if it has none. */
export function datasetFingerprint(dataset: Dataset<unknown> | IterableDataset<unknown>): string {
  return dataset.fingerprint?.() ?? fingerprint({ kind: 'dataset', length: dataset.length ?? null });
}
