// Cuts documents into training sequences of their natural length: a paragraph, a declaration, a code block.
import type { CorpusDocument } from './corpus.js';
import { startToken } from './tokenizer.js';

/** One training sample. */
export interface TokenSequence {
  /** `[length]` token ids, the first one {@link startToken}. */
  readonly tokens: Uint16Array;
  /** Which document it comes from, by position in the corpus. */
  readonly document: number;
}

/** How long sequences may be. */
export interface SequenceOptions {
  /** Shorter blocks are joined with the block that follows. In tokens, the start token included. */
  readonly minTokens: number;
  /** Longer blocks are cut. In tokens, the start token included. */
  readonly maxTokens: number;
}

/**
 * Cuts documents at blank lines and after sentences and declarations, joins what is too short and cuts what is too long. A sequence that came before is left
 * out: licenses and file headers repeat by the hundred, and a copy in the validation set would be no validation.
 *
 * @param encode - Tokens of a text, each below 65,536.
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

/** The fewest pieces of at most `limit` elements, as equal in length as can be. */
function evenPieces(tokens: readonly number[], limit: number): (readonly number[])[] {
  const count = Math.ceil(tokens.length / limit);
  return Array.from({ length: count }, (_, piece) =>
    tokens.slice(
      Math.round((piece * tokens.length) / count),
      Math.round(((piece + 1) * tokens.length) / count),
    ),
  );
}
