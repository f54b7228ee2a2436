/** The tokens of a text with the part of the text that each covers: UTF-16 positions, `starts` ascending. */
export interface TokenSpans {
  readonly ids: readonly number[];
  /** Where the first character of each token begins. */
  readonly starts: readonly number[];
  /** Where the last character of each token ends. Tokens that share a character overlap. */
  readonly ends: readonly number[];
}

/** What turns text into ids and back: Millrace's byte-level BPE, or a library. */
export interface TokenEngine {
  encode(text: string, addSpecialTokens: boolean): number[];
  decode(ids: Iterable<number>, skipSpecialTokens: boolean): string;
  /**
   * The tokens of a text without special tokens around it.
   *
   * @param textAt - Where special tokens begin that are encoded like other text: UTF-16 positions.
   */
  spans(text: string, textAt?: ReadonlySet<number>): TokenSpans;
  /** The texts of the special tokens. */
  readonly specialTokens: readonly string[];
}
