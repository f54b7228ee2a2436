import { isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { WorkerModule } from './worker-module.js';

/** @throws {@link ConfigError} if the dataset's samples and length are not available in this thread. */
export function checkMapDataset(subject: string, dataset: unknown): void {
  if (isMapDataset(dataset) && Number.isInteger(dataset.length)) return;
  const isNamed = dataset instanceof WorkerModule;
  const message = isNamed
    ? 'is named by its module, so that its samples and its length are not known here'
    : 'is not map-style: it needs get(index) and a length, a whole number';
  throw new ConfigError(subject, [{ field: 'dataset', message }], {
    ...(isNamed && { next: `Move ${subject} into that module, and export what it gives.` }),
  });
}
