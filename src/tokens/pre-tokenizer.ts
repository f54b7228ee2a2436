import { lastOf } from '../core/last-of.js';
import { propertyOf } from '../core/property-of.js';
import { ownValue } from '../core/record.js';
import { type Component, componentsOf } from './tokenizer-json.js';

/** Splits a text into words, which are encoded one by one. */
export type SplitIntoWords = (text: string) => readonly string[];

/** The split of GPT-2, which `ByteLevel` with `use_regex` applies. */
const gpt2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** A split of one piece; parts are in order and join to the piece. */
type Split = (piece: string) => readonly string[];

/**
 * The pre-tokenizer of a `tokenizer.json`, or `undefined` if it has a part other than `ByteLevel`, `Digits` and `Split` by an
 * expression that keeps matches isolated. Those are what byte-level tokenizers use.
 */
export function byteLevelSplit(component: Component | null | undefined): SplitIntoWords | undefined {
  const parts = componentsOf(component, 'pretokenizers');
  if (parts.filter(({ type }) => type === 'ByteLevel').length !== 1 || parts.at(-1)?.type !== 'ByteLevel')
    return undefined;
  const splits = parts.map(splitOf);
  if (splits.includes(undefined)) return undefined;
  const steps = splits.filter((split) => typeof split === 'function');
  const addsSpace = lastOf(parts).add_prefix_space === true;
  return (text) => {
    const start = addsSpace && !/^\p{White_Space}/u.test(text) ? ` ${text}` : text;
    let pieces: readonly string[] = [start];
    for (const split of steps) pieces = pieces.length === 1 ? split(pieces[0]!) : pieces.flatMap(split);
    return pieces;
  };
}

function splitOf(component: Component): Split | 'whole' | undefined {
  if (component.type === 'ByteLevel') return component.use_regex === false ? 'whole' : isolate(gpt2);
  if (component.type === 'Digits')
    return isolate(component.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
  if (component.type !== 'Split' || component.behavior !== 'Isolated' || component.invert) return undefined;
  const expression = propertyOf(component.pattern, 'Regex');
  if (typeof expression === 'string') return isolate(expression);
  const text = propertyOf(component.pattern, 'String');
  if (typeof text !== 'string' || text === '') return undefined;
  return isolate(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
}

/** A split that makes each match of an expression a part, and each gap between matches. */
function isolate(source: string): Split | undefined {
  let pattern: RegExp;
  try {
    pattern = new RegExp(asJavaScript(source), 'gu');
  } catch {
    return undefined;
  }
  return (piece) => {
    const matches = piece.match(pattern);
    if (!matches) return piece === '' ? [] : [piece];
    let covered = 0;
    for (const match of matches) covered += match.length;
    return covered === piece.length ? matches : withGaps(piece, pattern);
  };
}

function withGaps(piece: string, pattern: RegExp): string[] {
  const parts: string[] = [];
  let cursor = 0;
  for (const { 0: match, index } of piece.matchAll(pattern)) {
    if (index > cursor) parts.push(piece.slice(cursor, index));
    if (match !== '') parts.push(match);
    cursor = index + match.length;
  }
  if (cursor < piece.length) parts.push(piece.slice(cursor));
  return parts;
}

/**
 * An expression of Oniguruma, the engine of Hugging Face `tokenizers`, in JavaScript's syntax. `\s` means Unicode white space
 * there. Groups without regard to case and possessive quantifiers, which Node.js 20 does not know, are spelled out.
 */
function asJavaScript(source: string): string {
  return possessive(
    source
      .replace(/\\s/g, '\\p{White_Space}')
      .replace(/\\S/g, '\\P{White_Space}')
      .replace(/\(\?i:((?:[^()\\]|\\.)*)\)/g, (_, inner: string) => `(?:${eitherCase(inner)})`),
  );
}

/** Letters in either case. `s` and `k` also match U+017F and U+212A, which fold to them. */
function eitherCase(expression: string): string {
  const extra: Readonly<Record<string, string>> = { s: '\u017f', k: '\u212a' };
  return expression.replace(/[a-z]/gi, (letter) => {
    const lower = letter.toLowerCase();
    return `[${lower}${lower.toUpperCase()}${ownValue(extra, lower) ?? ''}]`;
  });
}

/** `x?+` and `x++` as an atomic group: a lookahead that captures, and a reference to what it captured. */
function possessive(source: string): string {
  let group = 0;
  return source.replace(
    /((?:\[(?:[^\]\\]|\\.)*\])|\\p\{\w+\}|\\.|[^\\()[\]|])([?+*]|\{[\d,]+\})\+/gi,
    (_, atom, quantifier) => {
      group += 1;
      // Named, so that groups of the source keep their numbers.
      return `(?=(?<atomic${group}>${atom}${quantifier}))\\k<atomic${group}>`;
    },
  );
}
