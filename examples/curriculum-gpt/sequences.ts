// Splits documents into training sequences of natural length: paragraphs, declarations, code blocks.
import type { CorpusDocument } from './corpus.js';
import { startToken } from './tokenizer.js';

/** One training sample. */
export interface TokenSequence {
  /** `[length]` token ids, the first one {@link startToken}. */
  readonly tokens: Uint16Array;
  /** Ordinal of its document in the corpus. */
  readonly document: number;
}

/** Limits on the length of a sequence. */
export interface SequenceOptions {
  /** Shorter blocks are joined with the next one. In tokens, including the start token. */
  readonly minTokens: number;
  /** Longer blocks are split. In tokens, including the start token. */
  readonly maxTokens: number;
}

/**
 * Splits documents at blank lines and after sentences and declarations, then joins short blocks and splits long ones. Drops
 * duplicates: licenses and file headers repeat hundreds of times, and a copy in the validation set would invalidate it.
 *
 * @param encode - Returns the tokens of a text, each below 65,536.
 */
export function* cutIntoSequences(
  documents: Iterable<CorpusDocument>,
  encode: (text: string) => readonly number[],
  options: SequenceOptions,
): Generator<TokenSequence> {
  const seen = new Set<string>();
  let document = 0;
  for (const { text } of documents) {
    for (const tokens of cutText(text, encode, options)) {
      const key = String.fromCharCode(...tokens);
      if (seen.has(key)) continue;
      seen.add(key);
      yield { tokens: Uint16Array.of(startToken, ...tokens), document };
    }
    document++;
  }
}

function* cutText(
  text: string,
  encode: (text: string) => readonly number[],
  { minTokens, maxTokens }: SequenceOptions,
): Generator<readonly number[]> {
  let pending: number[] = [];
  for (const block of blocksOf(text)) {
    pending.push(...encode(block));
    if (pending.length + 1 < minTokens) continue;
    const pieces = evenPieces(pending, maxTokens - 1);
    pending = [];
    yield* pieces;
  }
  if (pending.length + 1 >= minTokens) yield* evenPieces(pending, maxTokens - 1);
}

/** Text up to blank lines and to line ends after `.`, `;` or `}`: paragraphs, sentences and declarations. */
function blocksOf(text: string): string[] {
  return text
    .split(/(?<=[.;}][ \t]*)\r?\n|\r?\n[ \t]*\r?\n/)
    .filter((block) => block.trim() !== '')
    .map((block) => `${block.replace(/[\r\n]+$/, '')}\n`);
}

/** The fewest pieces of at most `limit` elements, of nearly equal length. */
function evenPieces(tokens: readonly number[], limit: number): (readonly number[])[] {
  const count = Math.ceil(tokens.length / limit);
  return Array.from({ length: count }, (_, piece) =>
    tokens.slice(
      Math.round((piece * tokens.length) / count),
      Math.round(((piece + 1) * tokens.length) / count),
    ),
  );
}
