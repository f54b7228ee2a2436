import type { Dataset, IterableDataset } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';

/** The fingerprint a dataset gives of itself, or one of its length when it gives none. */
export function datasetFingerprint(dataset: Dataset<unknown> | IterableDataset<unknown>): string {
  return dataset.fingerprint?.() ?? fingerprint({ kind: 'dataset', length: dataset.length ?? null });
}
