import type { TokenMetric } from './token-metric.js';

/**
 * Number of tokens. Short sequences first is the oldest curriculum for language models; in DeepSpeed's data-efficiency work
 * (Li et al., 2022) its metric is called `seqlen`.
 */
export const sequenceLength: TokenMetric = {
  name: 'seqlen',
  description: 'number of tokens',
  needsCounts: false,
  measure: (tokens) => tokens.length,
};
