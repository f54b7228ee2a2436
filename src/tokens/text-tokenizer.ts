import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { booleanOption, parseOptions } from '../core/options.js';
import type { TokenEngine, TokenSpans } from './token-engine.js';
import type { SpecialTokenJson, TokenizerConfigJson } from './tokenizer-json.js';

export interface EncodeOptions {
  /** Whether the tokenizer's own special tokens are put around the text: a BOS token, for example. @defaultValue `true` */
  readonly addSpecialTokens?: boolean | undefined;
}

export interface DecodeOptions {
  /** Whether special tokens are left out of the text. @defaultValue `false` */
  readonly skipSpecialTokens?: boolean | undefined;
}

const encodeSchema = v.strictObject({ addSpecialTokens: v.optional(booleanOption, true) });
const decodeSchema = v.strictObject({ skipSpecialTokens: v.optional(booleanOption, false) });

/**
 * A model's tokenizer: text to token ids and back, as Hugging Face `tokenizers` does. {@link loadTokenizer} makes one.
 *
 * Special tokens that occur in a text become those tokens, as in Hugging Face.
 */
export class TextTokenizer {
  /** Where the tokenizer came from: a path, URL or name, without secrets. */
  readonly source: string;
  /** The model's chat template, in Jinja, if it has one. */
  readonly chatTemplate: string | undefined;
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
  readonly padToken: string | undefined;
  readonly #engine: TokenEngine;
  readonly #identity: string;

  /** @internal */
  constructor(engine: TokenEngine, config: TokenizerConfigJson, source: string, identity: string) {
    this.#engine = engine;
    this.source = source;
    this.#identity = identity;
    this.chatTemplate = defaultTemplate(config);
    this.bosToken = contentOf(config.bos_token);
    this.eosToken = contentOf(config.eos_token);
    this.padToken = contentOf(config.pad_token);
  }

  /** The token ids of a text. O(text length). */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const { addSpecialTokens } = parseOptions('encode options', encodeSchema, options);
    return this.#engine.encode(text, addSpecialTokens);
  }

  /** The text of token ids. Bytes that are not UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const { skipSpecialTokens } = parseOptions('decode options', decodeSchema, options);
    return this.#engine.decode(ids, skipSpecialTokens);
  }

  /** The id of the token that ends a document, if there is one. */
  get endOfText(): number | undefined {
    return this.eosToken === undefined ? undefined : this.idOf(this.eosToken);
  }

  /** The id of a token by its text, or `undefined` if the text is not one token. */
  idOf(token: string): number | undefined {
    const ids = this.#engine.encode(token, false);
    return ids.length === 1 ? ids[0] : undefined;
  }

  /**
   * The tokens of a text with the part of the text that each covers, without special tokens around it.
   *
   * @param textAt - Where special tokens begin that are encoded like other text: UTF-16 positions.
   * @throws {@link CapabilityError} if the tokenizer's tokens do not spell the text.
   */
  spans(text: string, textAt?: ReadonlySet<number>): TokenSpans {
    return this.#engine.spans(text, textAt);
  }

  /** The texts of the special tokens: those that control the model. */
  get specialTokens(): readonly string[] {
    return this.#engine.specialTokens;
  }

  /** Identifies the vocabulary and its rules: equal fingerprints give equal ids. */
  fingerprint(): string {
    return fingerprint({ kind: 'TextTokenizer', identity: this.#identity });
  }
}

function contentOf(token: SpecialTokenJson | undefined): string | undefined {
  return typeof token === 'string' ? token : (token?.content ?? undefined);
}

function defaultTemplate({ chat_template: template }: TokenizerConfigJson): string | undefined {
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return undefined;
  const found = template.find(({ name }) => name === 'default') ?? template[0];
  return found?.template;
}

/** @throws {@link ConfigError} if a tokenizer lacks what a caller needs. */
export function requireTokenizer(value: unknown, subject: string): TextTokenizer {
  if (value instanceof TextTokenizer) return value;
  throw new ConfigError(subject, [
    { field: 'tokenizer', message: 'must be a tokenizer from loadTokenizer(…)' },
  ]);
}
