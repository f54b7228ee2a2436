import { eachSample, type Metric } from './metric.js';
import { tokensOf } from './sample-parts.js';

/**
 * How evenly a sample uses its tokens: the entropy `−Σ p log2 p` of their shares p within the sample (Shannon, 1948),
 * in thousandths of a bit, rounded. 0 for one repeated token, `1000 · log2 n` for n distinct tokens.
 */
export const tokenEntropy: Metric = {
  name: 'tokenentropy',
  description: 'entropy of the tokens within the sample',
  unit: 'millibits',
  scale: 1_000,
  measure: eachSample((sample, index) => {
    const tokens = tokensOf(sample, index);
    const counts = new Map<number | bigint, number>();
    for (let i = 0; i < tokens.length; i++) counts.set(tokens[i]!, (counts.get(tokens[i]!) ?? 0) + 1);
    let entropy = 0;
    for (const count of counts.values())
      entropy -= (count / tokens.length) * Math.log2(count / tokens.length);
    return entropy;
  }),
};
