import type { Dataset } from '../../core/dataset.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import { amendProblem } from './amendment.js';
import type { Amendments, Change } from './amendments.js';

/**
 * What an amendment of sources or data at a global step changes: the value of the last such amendment before that step, since one at the same
 * step is replaced.
 *
 * @returns `undefined` if none is before
 * @throws {@link ConfigError} if there is one at a later step, which has grown from what this one would replace
 */
export function grownBefore<Kind extends 'sources' | 'data'>(
  amendments: Amendments,
  kind: Kind,
  at: number,
): Change<Kind>['object'] | undefined {
  const changes = amendments.of(kind);
  const later = changes.find((change) => change.at > at);
  if (later)
    throw amendProblem(
      'at',
      `is ${at}, but ${kind} change at step ${later.at} already: amend in the order of the steps`,
    );
  return changes.findLast((change) => change.at < at)?.object;
}

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
