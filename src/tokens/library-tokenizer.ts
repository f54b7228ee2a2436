import type { Tokenizer as LibraryEngine } from '@huggingface/tokenizers';
import { CapabilityError } from '../core/errors.js';
import type { TokenEngine, TokenSpans } from './token-engine.js';
import type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.js';

/** Every kind of `tokenizer.json` that is not byte-level BPE, through `@huggingface/tokenizers`. */
export class LibraryTokenizer implements TokenEngine {
  readonly #tokenizer: LibraryEngine;

  private constructor(tokenizer: LibraryEngine) {
    this.#tokenizer = tokenizer;
  }

  static async fromJson(json: TokenizerJson, config: TokenizerConfigJson): Promise<LibraryTokenizer> {
    const { Tokenizer } = await import('@huggingface/tokenizers');
    return new LibraryTokenizer(new Tokenizer(json, config));
  }

  /** @throws {@link CapabilityError} for `specialAsText`, which the library does not have. */
  encode(text: string, addSpecialTokens: boolean, specialAsText: boolean): number[] {
    if (specialAsText) throw noSpecialAsText();
    return this.#tokenizer.encode(text, { add_special_tokens: addSpecialTokens }).ids;
  }

  decode(ids: Iterable<number>, skipSpecialTokens: boolean): string {
    const list = [...ids];
    // The library refuses an empty list.
    if (list.length === 0) return '';
    return this.#tokenizer.decode(list, { skip_special_tokens: skipSpecialTokens });
  }

  /**
   * The library does not report positions. They follow from the tokens if these, written with spaces for `▁` and with their
   * bytes joined, spell the text.
   *
   * @throws {@link CapabilityError} if they do not.
   */
  spans(text: string): TokenSpans {
    const { ids, tokens } = this.#tokenizer.encode(text, { add_special_tokens: false });
    const starts: number[] = [];
    const ends: number[] = [];
    let cursor = 0;
    for (let k = 0; k < tokens.length; ) {
      const bytes = byteRun(tokens, k);
      const count = Math.max(1, bytes.length);
      const surface =
        bytes.length > 0 ? new TextDecoder().decode(Uint8Array.from(bytes)) : tokens[k]!.replaceAll('▁', ' ');
      // Some tokenizers put a space before the text.
      const shown = cursor === 0 && !text.startsWith(surface) ? surface.replace(/^ /, '') : surface;
      if (!text.startsWith(shown, cursor)) throw noPositions(tokens[k]!, cursor);
      for (let n = 0; n < count; n++) {
        starts.push(cursor);
        ends.push(cursor + shown.length);
      }
      cursor += shown.length;
      k += count;
    }
    if (cursor !== text.length) throw noPositions('the end', cursor);
    return { ids, starts, ends };
  }
}

/** The bytes of consecutive tokens such as `<0xE2>`, from token `start` on. */
function byteRun(tokens: readonly string[], start: number): number[] {
  const bytes: number[] = [];
  for (let k = start; k < tokens.length; k++) {
    const [, hex] = /^<0x([0-9A-F]{2})>$/.exec(tokens[k]!) ?? [];
    if (hex === undefined) break;
    bytes.push(Number.parseInt(hex, 16));
  }
  return bytes;
}

function noPositions(token: string, position: number): CapabilityError {
  return new CapabilityError(
    'The tokens of this tokenizer do not spell the text, so a loss mask cannot be aligned with them',
    {
      where: { token, position },
      next: 'Use a byte-level or SentencePiece-style tokenizer.json, or make the labels in a transform.',
    },
  );
}

function noSpecialAsText(): CapabilityError {
  return new CapabilityError('This tokenizer cannot encode special tokens as text', {
    next: "Leave specialTokensInContent out, or set it to 'error'.",
  });
}
