import type { TokenMetric } from './token-metric.js';

/**
 * How rare the tokens of a sample are together: `−Σ ln p(token)` over its tokens, p the share of a token among all
 * tokens of the dataset, rounded to whole nats. DeepSpeed's `vocabularyrarity` (Li et al., 2022). Needs two passes.
 */
export const vocabularyRarity: TokenMetric = {
  name: 'vocabularyrarity',
  description: 'rarity of the tokens together, in nats',
  needsCounts: true,
  measure(tokens, { counts, total }) {
    let rarity = 0;
    for (let i = 0; i < tokens.length; i++) rarity -= Math.log(counts.get(Number(tokens[i]))! / total);
    return Math.round(rarity);
  },
};
