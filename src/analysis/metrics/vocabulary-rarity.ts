import { eachSample, type Metric } from './metric.js';
import { tokensOf } from './sample-parts.js';

/**
 * Rarity of a sample's tokens together: `−Σ ln p(token)` over its tokens, where p is the share of a token among all
 * tokens of the dataset, rounded to integer nats. DeepSpeed's `vocabularyrarity` (Li et al., 2022). Needs two passes.
 */
export const vocabularyRarity: Metric = {
  name: 'vocabularyrarity',
  description: 'rarity of the tokens together',
  unit: 'nats',
  scale: 1,
  keysOf: tokensOf,
  measure: eachSample((sample, index, counts) => {
    const tokens = tokensOf(sample, index);
    let rarity = 0;
    for (let i = 0; i < tokens.length; i++) rarity += counts.information(tokens[i]!);
    return rarity;
  }),
};
