import type { Tokenizer as LibraryEngine } from '@huggingface/tokenizers';
import { CapabilityError } from '../core/errors.js';
import { propertyOf } from '../core/property-of.js';
import type { TokenEngine, TokenSpans } from './token-engine.js';
import { joinBytes, spansOfTokens } from './token-surfaces.js';
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

  /** @throws {@link CapabilityError} if the tokens do not spell the text, and for `textAt`, which the library cannot do. */
  spans(text: string, textAt?: ReadonlySet<number>): TokenSpans {
    if (textAt && textAt.size > 0) throw noSpecialAsText();
    const { ids, tokens } = this.#tokenizer.encode(text, { add_special_tokens: false });
    return spansOfTokens(text, ids, tokens);
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
    (type === 'Replace' && typeof propertyOf(pattern, 'String') === 'string');
  if (!steps.some(({ type }) => type === 'ByteFallback') || !steps.every(isKnown)) return undefined;
  return (tokens) => {
    let parts: string[] = [...tokens];
    for (const step of steps) {
      if (step.type === 'Replace') {
        const from = String(propertyOf(step.pattern, 'String'));
        parts = parts.map((part) => part.replaceAll(from, String(step.content)));
      } else if (step.type === 'ByteFallback') parts = joinBytes(parts);
      else if (step.type === 'Fuse') parts = [parts.join('')];
      else parts = parts.map((part) => stripped(part, step));
    }
    return parts.join('');
  };
}

function stripped(part: string, { content, start, stop }: Component): string {
  let [from, to] = [0, part.length];
  while (from < Math.min(Number(start), part.length) && part[from] === content) from += 1;
  while (part.length - to < Number(stop) && to > from && part[to - 1] === content) to -= 1;
  return part.slice(from, to);
}

function noSpecialAsText(): CapabilityError {
  return new CapabilityError('This tokenizer cannot encode special tokens as text', {
    next: "Leave specialTokensInContent out, or set it to 'error'.",
  });
}
