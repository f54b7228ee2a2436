import { FormatError } from '../core/errors.js';
import { importPeer } from '../core/peer.js';
import { hasMethod } from '../core/property-of.js';
import { WorkerModule } from '../datasets/worker-module.js';

/** Tokenizers by name: the encodings of gpt-tokenizer, and `bytes`, whose tokens are the bytes of the text in UTF-8. */
export const tokenizerNames = [
  'cl100k_base',
  'o200k_base',
  'o200k_harmony',
  'p50k_base',
  'p50k_edit',
  'r50k_base',
  'bytes',
] as const;

export type TokenizerName = (typeof tokenizerNames)[number];

/** Encodes text as token ids, and decodes them. */
export interface Tokenizer {
  encode(text: string): ArrayLike<number>;
  /** Decodes token ids. Incomplete characters become U+FFFD. */
  decode?(ids: number[]): string;
  /** The token after each document. */
  readonly endOfText?: number | undefined;
}

/** A tokenizer of the user: an encode function, or an object that has one. */
export type TokenizerLike = ((text: string) => ArrayLike<number>) | Tokenizer;

/** A tokenizer by name, as a value (which stays on its thread), or as a module of the user (which moves to workers). */
export type TokenizerChoice = TokenizerName | TokenizerLike | WorkerModule<TokenizerLike>;

/** Whether a value is a {@link TokenizerChoice}. */
export function isTokenizerChoice(value: unknown): value is TokenizerChoice {
  return isTokenizerName(value) || value instanceof WorkerModule || isTokenizerLike(value);
}

export function isTokenizerName(value: unknown): value is TokenizerName {
  return tokenizerNames.some((name) => name === value);
}

function isTokenizerLike(value: unknown): value is TokenizerLike {
  return typeof value === 'function' || hasMethod(value, 'encode');
}

/**
 * Loads a tokenizer.
 *
 * @throws {@link MissingPeerError} if gpt-tokenizer is needed and not installed; {@link FormatError} if a module's export is not a tokenizer.
 */
export async function resolveTokenizer(choice: TokenizerChoice): Promise<Tokenizer> {
  if (typeof choice === 'string') return choice === 'bytes' ? bytes : loadEncoding(choice);
  const value = choice instanceof WorkerModule ? await choice.load() : choice;
  if (isTokenizerLike(value)) return typeof value === 'function' ? { encode: value } : value;
  throw new FormatError('The export is not a tokenizer', {
    where: choice instanceof WorkerModule ? { module: choice.module, export: choice.exportName } : {},
    next: 'Export a function from text to token ids, or an object with encode(text).',
  });
}

/** The name of a tokenizer in a fingerprint. */
export function tokenizerIdentity(choice: TokenizerChoice): string {
  if (typeof choice === 'string') return choice;
  if (choice instanceof WorkerModule) return `${choice.module}#${choice.exportName}`;
  return typeof choice === 'function' ? choice.name : choice.constructor.name;
}

const utf8 = new TextEncoder();

const bytes: Tokenizer = {
  encode: (text) => utf8.encode(text),
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)),
};

/** The exports of a gpt-tokenizer module. */
interface GptEncoding {
  encode(text: string, options: { disallowedSpecial?: Set<string>; allowedSpecial?: Set<string> }): number[];
  decode(ids: number[]): string;
}

async function loadEncoding(name: Exclude<TokenizerName, 'bytes'>): Promise<Tokenizer> {
  const specifier = `gpt-tokenizer/encoding/${name}`;
  const { encode, decode } = await importPeer<GptEncoding>(specifier, `The tokenizer ${name}`);
  // A text may mention <|endoftext|>: encode it as ordinary text.
  const asText = { disallowedSpecial: new Set<string>() };
  const special = '<|endoftext|>';
  const [endOfText] = encode(special, { allowedSpecial: new Set([special]) });
  return { encode: (text) => encode(text, asText), decode, endOfText };
}
