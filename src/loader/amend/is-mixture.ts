import type { MixtureDataset } from '../../datasets/mixture-dataset.js';

/** Whether a dataset is a mixture. Does not name the class: a bundler would then load it with the core. */
export function isMixture(source: object): source is MixtureDataset<unknown> {
  return typeof (source as Partial<MixtureDataset<unknown>>).amended === 'function';
}
