import type { AddedTokenJson } from './tokenizer-json.js';

/** A piece of a text: an added token, or text between added tokens. */
export type TextPiece =
  | { readonly id: number; readonly start: number; readonly end: number }
  | { readonly text: string; readonly start: number };

/**
 * Finds the added tokens of a tokenizer in a text: leftmost first, the longest at one position, as Hugging Face `tokenizers`
 * does. O(text) if the text has none.
 */
export class AddedTokens {
  readonly #byContent: ReadonlyMap<string, AddedTokenJson>;
  readonly #pattern: RegExp | undefined;

  constructor(tokens: readonly AddedTokenJson[]) {
    const usable = tokens.filter(({ content }) => content !== '');
    this.#byContent = new Map(usable.map((token) => [token.content, token]));
    this.#pattern = usable.length > 0 ? patternOf(usable) : undefined;
  }

  /**
   * Splits a text. Without added tokens in it, the text is the only piece.
   *
   * @param textAt - Positions at which an added token is ordinary text.
   */
  split(text: string, textAt?: ReadonlySet<number>): readonly TextPiece[] {
    const pattern = this.#pattern;
    if (!pattern || text.search(pattern) < 0) return text === '' ? [] : [{ text, start: 0 }];
    const pieces: TextPiece[] = [];
    let cursor = 0;
    for (const match of text.matchAll(pattern)) {
      if (textAt?.has(match.index)) continue;
      const token = this.#byContent.get(match[0]);
      if (!token) continue;
      const [start, end] = this.#extent(token, text, match.index, cursor);
      if (start < 0) continue;
      if (start > cursor) pieces.push({ text: text.slice(cursor, start), start: cursor });
      pieces.push({ id: token.id, start, end });
      cursor = end;
    }
    if (cursor < text.length) pieces.push({ text: text.slice(cursor), start: cursor });
    return pieces;
  }

  /** Where a match starts and ends with the whitespace that its token takes; a start of -1 if it is part of a word. */
  #extent(token: AddedTokenJson, text: string, at: number, cursor: number): [start: number, end: number] {
    let [start, end] = [at, at + token.content.length];
    if (token.single_word && (isWord(text, start - 1) || isWord(text, end))) return [-1, -1];
    if (token.lstrip) while (start > cursor && isSpace(text[start - 1]!)) start -= 1;
    if (token.rstrip) while (end < text.length && isSpace(text[end]!)) end += 1;
    return [Math.max(start, cursor), end];
  }
}

function patternOf(tokens: readonly AddedTokenJson[]): RegExp {
  const longestFirst = tokens.map(({ content }) => content).sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
}

function isWord(text: string, at: number): boolean {
  return at >= 0 && at < text.length && /[\p{L}\p{N}_]/u.test(text[at]!);
}

function isSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character);
}
