import { eachSample, type Metric } from './metric.js';
import { textOf } from './sample-parts.js';

const notLetters = /[\p{P}\p{S}\p{N}]/gu;
const notSpaces = /\P{White_Space}/gu;

/**
 * Share of a text that is not words: punctuation, symbols and digits (Unicode categories P, S and N) per thousand
 * characters other than white space, rounded; 0 if there are none. High for code, tables and formulas. Shares of
 * symbols are a common heuristic of text quality, as in Rae et al., 2021 (Gopher), appendix A.
 */
export const punctuationShare: Metric = {
  name: 'punctuationshare',
  description: 'punctuation, symbols and digits',
  unit: '‰ of the characters',
  scale: 1_000,
  measure: eachSample((sample, index) => {
    const text = textOf(sample, index);
    const characters = text.match(notSpaces)?.length ?? 0;
    return characters === 0 ? 0 : (text.match(notLetters)?.length ?? 0) / characters;
  }),
};
