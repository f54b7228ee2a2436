import type { DType } from '../../core/dtype.js';
import { importPeer } from '../../core/peer.js';

/** Ways to turn text into tokens. */
export const encodings = ['cl100k_base', 'o200k_base', 'bytes'] as const;

export type EncodingName = (typeof encodings)[number];

/** Turns text into token ids, which all fit in `dtype`. */
export interface TokenEncoder {
  readonly dtype: DType;
  encode(text: string): ArrayLike<number>;
  /** The text of token ids; what is no whole character becomes U+FFFD. */
  decode(ids: Iterable<number>): string;
}

/** @throws {@link MissingPeerError} when gpt-tokenizer is needed and not installed. */
export async function createTokenEncoder(name: EncodingName): Promise<TokenEncoder> {
  if (name === 'bytes') {
    const utf8 = new TextEncoder();
    const text = new TextDecoder();
    return {
      dtype: 'uint8',
      encode: (from) => utf8.encode(from),
      decode: (ids) => text.decode(Uint8Array.from(ids)),
    };
  }
  const { encode, decode } = await importPeer('gpt-tokenizer', `--tokenizer ${name}`, () =>
    name === 'cl100k_base'
      ? import('gpt-tokenizer/encoding/cl100k_base')
      : import('gpt-tokenizer/encoding/o200k_base'),
  );
  // A text may mention <|endoftext|>; here it is text like any other.
  const asText = { disallowedSpecial: new Set<string>() };
  return { dtype: 'int32', encode: (text) => encode(text, asText), decode: (ids) => decode(ids) };
}
