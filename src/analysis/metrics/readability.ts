import { eachSample, type Metric } from './metric.js';
import { textOf } from './sample-parts.js';

/**
 * Readability of a text: the index of Coleman and Liau (1975, "A computer readability formula designed for machine scoring"), the
 * school grade in the United States that a reader of English needs: 5.88 × letters per word − 29.6 × sentences per word − 15.8, at
 * least 0. It counts letters, not syllables, so it needs no dictionary. 0 for a text without words.
 */
export const readability: Metric = {
  name: 'readability',
  description: 'school grade that a reader needs (Coleman–Liau)',
  unit: '1/100 grade',
  scale: 100,
  measure: eachSample((sample, index) => {
    const text = textOf(sample, index);
    const words = text.match(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu)?.length ?? 0;
    if (words === 0) return 0;
    const letters = text.match(/\p{L}/gu)?.length ?? 0;
    const sentences = Math.max(1, text.match(/[.!?…。！？]+(?=\s|["”’)]|$)/gu)?.length ?? 0);
    return Math.max(0, (5.88 * letters) / words - (29.6 * sentences) / words - 15.8);
  }),
};
