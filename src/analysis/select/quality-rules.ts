import { wordsOf } from './text-hash.js';

/** A rule of quality: whether a text stays. */
export type QualityRule = (text: string) => boolean;

const stopWords = new Set(['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with']);

/**
 * In the manner of Gopher (Rae et al., 2021, "Scaling Language Models", appendix A1.1), for English: 50 to 100,000
 * words; a mean length of 3 to 10 characters; at most 0.1 `#` or `…` a word; at most 90 % of the lines begin with a
 * bullet and at most 30 % end with an ellipsis; 80 % of the words contain a letter; at least two of the words the, be,
 * to, of, and, that, have, with.
 */
export function gopherQuality(text: string): boolean {
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length < 50 || words.length > 100_000) return false;
  const mean = words.reduce((sum, word) => sum + word.length, 0) / words.length;
  if (mean < 3 || mean > 10) return false;
  const symbols = (text.match(/#/g)?.length ?? 0) + (text.match(/…|\.\.\./g)?.length ?? 0);
  if (symbols / words.length > 0.1) return false;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.filter((line) => /^\s*[•‣▪*-]/u.test(line)).length > 0.9 * lines.length) return false;
  if (lines.filter((line) => /(…|\.\.\.)\s*$/.test(line)).length > 0.3 * lines.length) return false;
  if (words.filter((word) => /\p{L}/u.test(word)).length < 0.8 * words.length) return false;
  return new Set(wordsOf(text).filter((word) => stopWords.has(word))).size >= 2;
}

/**
 * In the manner of Gopher's repetition rules (the same appendix): at most 30 % of the lines, and of the paragraphs, are
 * repeated; the most frequent run of 2, 3 and 4 words covers at most 20, 18 and 16 % of the characters of all words.
 */
export function gopherRepetition(text: string): boolean {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const paragraphs = text.split(/\n{2,}/).filter((part) => part.trim() !== '');
  if (repeatedShare(lines) > 0.3 || repeatedShare(paragraphs) > 0.3) return false;
  const words = wordsOf(text);
  const characters = words.reduce((sum, word) => sum + word.length, 0);
  for (const [n, most] of [
    [2, 0.2],
    [3, 0.18],
    [4, 0.16],
  ] as const)
    if (words.length > n && topShare(words, n, characters) > most) return false;
  return true;
}

function repeatedShare(parts: readonly string[]): number {
  return parts.length === 0 ? 0 : 1 - new Set(parts).size / parts.length;
}

function topShare(words: readonly string[], n: number, characters: number): number {
  const counts = new Map<string, number>();
  let most = 0;
  for (let k = 0; k + n <= words.length; k++) {
    const gram = words.slice(k, k + n).join(' ');
    const count = (counts.get(gram) ?? 0) + 1;
    counts.set(gram, count);
    if (count > 1) most = Math.max(most, count * (gram.length - n + 1));
  }
  return characters === 0 ? 0 : most / characters;
}

/**
 * In the manner of C4 (Raffel et al., 2020, "Exploring the Limits of Transfer Learning", section 2.2), for whole
 * documents: at least three sentences that end with a punctuation mark in lines of five words or more; no `{`; no
 * "lorem ipsum".
 */
export function c4Quality(text: string): boolean {
  if (text.includes('{') || /lorem ipsum/i.test(text)) return false;
  const lines = text.split('\n').filter((line) => /[.!?"”]\s*$/u.test(line) && wordsOf(line).length >= 5);
  const sentences = lines.join(' ').match(/[^.!?]+[.!?]+/gu) ?? [];
  return sentences.length >= 3;
}

/** The rules by name. */
export const qualityRules: ReadonlyMap<string, QualityRule> = new Map([
  ['gopher-quality', gopherQuality],
  ['gopher-repetition', gopherRepetition],
  ['c4-quality', c4Quality],
]);
