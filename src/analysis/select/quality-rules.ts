import { wordsOf } from './text-hash.js';

/** A rule of quality: whether a text stays. */
export type QualityRule = (text: string) => boolean;

const stopWords = new Set(['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with']);

/**
 * In the manner of Gopher (Rae et al., 2021, "Scaling Language Models", appendix A1.1), for English: 50 to 100,000
 * words; a mean length of 3 to 10 characters; at most 0.1 `#` a word and 0.1 `…` a word; at most 90 % of the lines begin with a
 * bullet and at most 30 % end with an ellipsis; 80 % of the words contain a letter; at least two of the words the, be,
 * to, of, and, that, have, with.
 */
export function gopherQuality(text: string): boolean {
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length < 50 || words.length > 100_000) return false;
  const mean = words.reduce((sum, word) => sum + word.length, 0) / words.length;
  if (mean < 3 || mean > 10) return false;
  for (const symbol of [/#/g, /…|\.\.\./g])
    if ((text.match(symbol)?.length ?? 0) / words.length > 0.1) return false;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.filter((line) => /^\s*[•‣▪*-]/u.test(line)).length > 0.9 * lines.length) return false;
  if (lines.filter((line) => /(…|\.\.\.)\s*$/.test(line)).length > 0.3 * lines.length) return false;
  if (words.filter((word) => /\p{L}/u.test(word)).length < 0.8 * words.length) return false;
  return new Set(wordsOf(text).filter((word) => stopWords.has(word))).size >= 2;
}

/**
 * In the manner of Gopher's repetition rules (the same appendix): repeated lines, and repeated paragraphs, are at most 30 %
 * of their number and 20 % of their characters; the most frequent run of 2, 3 and 4 words covers at most 20, 18 and 16 %
 * of the characters of all words; runs of 5 to 10 words that occur again cover at most 15, 14, 13, 12, 11 and 10 %.
 */
export function gopherRepetition(text: string): boolean {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const paragraphs = text.split(/\n{2,}/).filter((part) => part.trim() !== '');
  for (const parts of [lines, paragraphs]) {
    const distinct = new Set(parts);
    if (1 - distinct.size / Math.max(1, parts.length) > 0.3) return false;
    if (1 - charactersOf([...distinct]) / Math.max(1, charactersOf(parts)) > 0.2) return false;
  }
  const words = wordsOf(text);
  const characters = Math.max(1, charactersOf(words));
  for (const [n, most] of [
    [2, 0.2],
    [3, 0.18],
    [4, 0.16],
  ] as const)
    if (words.length > n && topShare(words, n, characters) > most) return false;
  for (let n = 5; n <= 10; n++) if (againShare(words, n, characters) > 0.2 - n / 100) return false;
  return true;
}

function charactersOf(parts: readonly string[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** Share of the characters in runs of `n` words that occurred before. Each word counts once. */
function againShare(words: readonly string[], n: number, characters: number): number {
  const seen = new Set<string>();
  let covered = 0;
  let next = 0;
  for (let k = 0; k + n <= words.length; k++) {
    const run = words.slice(k, k + n).join(' ');
    if (seen.has(run)) for (next = Math.max(next, k); next < k + n; next++) covered += words[next]!.length;
    else seen.add(run);
  }
  return covered / characters;
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
  return most / characters;
}

/** Phrases of notices, whose lines C4 leaves out. */
const notices =
  /javascript|terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies/i;

/**
 * In the manner of C4 (Raffel et al., 2020, "Exploring the Limits of Transfer Learning", section 2.2), for whole
 * documents: at least three sentences that end with a punctuation mark in lines of five words or more that are
 * no notice (of JavaScript, terms of use, privacy or cookies); no `{`; no "lorem ipsum".
 */
export function c4Quality(text: string): boolean {
  if (text.includes('{') || /lorem ipsum/i.test(text)) return false;
  const lines = text
    .split('\n')
    .filter((line) => /[.!?"”]\s*$/u.test(line) && wordsOf(line).length >= 5 && !notices.test(line));
  const sentences = lines.join(' ').match(/[^.!?]+[.!?]+/gu) ?? [];
  return sentences.length >= 3;
}

/** The rules by name. */
export const qualityRules: ReadonlyMap<string, QualityRule> = new Map([
  ['gopher-quality', gopherQuality],
  ['gopher-repetition', gopherRepetition],
  ['c4-quality', c4Quality],
]);
