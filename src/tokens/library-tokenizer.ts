import type { Tokenizer as LibraryEngine } from '@huggingface/tokenizers';
import { CapabilityError } from '../core/errors.js';
import type { TokenEngine, TokenSpans } from './token-engine.js';
import {
  type Component,
  componentsOf,
  type TokenizerConfigJson,
  type TokenizerJson,
} from './tokenizer-json.js';

/** Every kind of `tokenizer.json` that is not byte-level BPE, through `@huggingface/tokenizers`. */
export class LibraryTokenizer implements TokenEngine {
  readonly specialTokens: readonly string[];
  readonly #tokenizer: LibraryEngine;
  readonly #decode: JoinTokens | undefined;
  readonly #specialIds: ReadonlySet<number>;

  private constructor(tokenizer: LibraryEngine, json: TokenizerJson) {
    this.#tokenizer = tokenizer;
    this.#decode = byteFallbackDecoder(json.decoder);
    const special = json.added_tokens?.filter((token) => token.special) ?? [];
    this.#specialIds = new Set(special.map(({ id }) => id));
    this.specialTokens = special.map(({ content }) => content);
  }

  static async fromJson(json: TokenizerJson, config: TokenizerConfigJson): Promise<LibraryTokenizer> {
    const { Tokenizer } = await import('@huggingface/tokenizers');
    return new LibraryTokenizer(new Tokenizer(json, config), json);
  }

  encode(text: string, addSpecialTokens: boolean): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: addSpecialTokens }).ids;
  }

  decode(ids: Iterable<number>, skipSpecialTokens: boolean): string {
    const list = [...ids].filter((id) => !skipSpecialTokens || !this.#specialIds.has(id));
    // The library refuses an empty list.
    if (list.length === 0) return '';
    if (this.#decode) return this.#decode(list.map((id) => this.#tokenizer.id_to_token(id) ?? ''));
    return this.#tokenizer.decode(list, { skip_special_tokens: skipSpecialTokens });
  }

  /**
   * The library does not report positions. They follow from the tokens if these, written with spaces for `▁` and with their
   * bytes joined, spell the text.
   *
   * @throws {@link CapabilityError} if they do not, and for `textAt`, which the library cannot do.
   */
  spans(text: string, textAt?: ReadonlySet<number>): TokenSpans {
    if (textAt && textAt.size > 0) throw noSpecialAsText();
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

type JoinTokens = (tokens: readonly string[]) => string;

/**
 * Joins tokens as the decoder of a SentencePiece-style tokenizer does. The library's own drops U+FEFF after bytes that stand for
 * themselves (its `TextDecoder` takes the character for a byte order mark). `undefined` for other decoders.
 */
function byteFallbackDecoder(component: Component | null | undefined): JoinTokens | undefined {
  const steps = componentsOf(component, 'decoders');
  const isKnown = ({ type, pattern }: Component) =>
    ['ByteFallback', 'Fuse', 'Strip'].includes(type) ||
    (type === 'Replace' && typeof (pattern as { String?: unknown } | undefined)?.String === 'string');
  if (!steps.some(({ type }) => type === 'ByteFallback') || !steps.every(isKnown)) return undefined;
  return (tokens) => {
    let parts: string[] = [...tokens];
    for (const step of steps) {
      if (step.type === 'Replace') {
        const from = (step.pattern as { readonly String: string }).String;
        parts = parts.map((part) => part.replaceAll(from, String(step.content)));
      } else if (step.type === 'ByteFallback') parts = joinBytes(parts);
      else if (step.type === 'Fuse') parts = [parts.join('')];
      else parts = parts.map((part) => stripped(part, step));
    }
    return parts.join('');
  };
}

/** Runs of byte tokens as text; U+FFFD for each byte of a run that is not UTF-8, as in Hugging Face `tokenizers`. */
function joinBytes(parts: readonly string[]): string[] {
  const joined: string[] = [];
  for (let k = 0; k < parts.length; ) {
    const bytes = byteRun(parts, k);
    if (bytes.length === 0) joined.push(parts[k]!);
    else {
      try {
        joined.push(
          new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)),
        );
      } catch {
        joined.push('\ufffd'.repeat(bytes.length));
      }
    }
    k += Math.max(1, bytes.length);
  }
  return joined;
}

function stripped(part: string, { content, start, stop }: Component): string {
  let [from, to] = [0, part.length];
  while (from < Math.min(Number(start), part.length) && part[from] === content) from += 1;
  while (part.length - to < Number(stop) && to > from && part[to - 1] === content) to -= 1;
  return part.slice(from, to);
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
