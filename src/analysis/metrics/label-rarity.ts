import { eachSample, type Metric } from './metric.js';
import { labelOf } from './sample-parts.js';

/**
 * Rarity of a sample's label: `−ln p`, where p is the share of samples with this label, in thousandths of a nat,
 * rounded. Common classes come first. The information of an event (Shannon, 1948). Needs two passes.
 */
export const labelRarity: Metric = {
  name: 'labelrarity',
  description: 'rarity of the label',
  unit: 'millinats',
  scale: 1_000,
  keysOf: (sample, index) => [labelOf(sample, index)],
  measure: eachSample((sample, index, counts) => counts.information(labelOf(sample, index))),
};
