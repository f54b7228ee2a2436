import { eachSample, type Metric } from './metric.js';
import { labelOf } from './sample-parts.js';

/**
 * How rare the label of a sample is: `−ln p`, p the share of samples that have it, in thousandths of a nat, rounded. Common classes
 * first. The information of an event (Shannon, 1948). Needs two passes.
 */
export const labelRarity: Metric = {
  name: 'labelrarity',
  description: 'rarity of the label',
  unit: 'millinats',
  scale: 1_000,
  keysOf: (sample, index) => [labelOf(sample, index)],
  measure: eachSample((sample, index, counts) => counts.information(labelOf(sample, index))),
};
