import ranks from 'gpt-tokenizer/bpeRanks/cl100k_base';
import { encode } from 'gpt-tokenizer/encoding/cl100k_base';
import type { JsonObject } from 'millrace';
import { UserError } from './user-error.js';

/** The first token of every sequence. Padding uses it too. */
export const startToken = 0;

/** Tokens 1 … 256 are the bytes 0 … 255. */
const firstByteToken = 1;
const firstPieceToken = firstByteToken + 256;

/** A tokenizer as JSON. */
export interface TokenizerDescription extends JsonObject {
  readonly format: 'millrace-compact-tokenizer';
  readonly version: 1;
  /** The byte-pair encoding that the pieces come from. */
  readonly encoding: 'cl100k_base';
  /** Ids of the pieces in that encoding, in the order of their tokens from 257. */
  readonly pieces: readonly number[];
}

/**
 * A tokenizer with a small vocabulary: a start token, the 256 bytes, and the pieces of `cl100k_base` that shorten one
 * corpus most. Every other piece is spelled in bytes, so any text can be encoded and decoding is exact.
 */
export class CompactTokenizer {
  readonly vocabularySize: number;
  readonly #pieces: readonly number[];
  readonly #tokenOfPiece: ReadonlyMap<number, number>;
  readonly #spelling = new Map<number, readonly number[]>();

  private constructor(pieces: readonly number[]) {
    this.#pieces = pieces;
    this.#tokenOfPiece = new Map(pieces.map((piece, rank) => [piece, firstPieceToken + rank]));
    this.vocabularySize = firstPieceToken + pieces.length;
  }

  /**
   * Chooses the vocabulary for a corpus: the pieces that save the most tokens over spelling in bytes.
   *
   * @param vocabularySize - Number of tokens, 257 or more.
   * @remarks O(text). Ties are broken by piece id, so the same texts give the same vocabulary.
   */
  static fit(texts: Iterable<string>, vocabularySize: number): CompactTokenizer {
    const counts = new Map<number, number>();
    for (const text of texts) {
      for (const piece of piecesOf(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
    }
    const savings = [...counts]
      .map(([piece, count]) => ({ piece, saved: count * (bytesOf(piece).length - 1) }))
      .filter(({ saved }) => saved > 0)
      .sort((a, b) => b.saved - a.saved || a.piece - b.piece);
    const pieces = savings.slice(0, Math.max(0, vocabularySize - firstPieceToken)).map(({ piece }) => piece);
    return new CompactTokenizer(pieces);
  }

  /**
   * Creates a tokenizer from the output of {@link CompactTokenizer.toJSON}.
   *
   * @throws {@link UserError} for any other value.
   */
  static fromJSON(description: unknown): CompactTokenizer {
    if (!isDescription(description)) {
      throw new UserError(
        'This is not the description of a compact tokenizer. Start a new run to write one.',
      );
    }
    return new CompactTokenizer(description.pieces);
  }

  /** Encodes a text, without a start token. */
  encode(text: string): number[] {
    const tokens: number[] = [];
    for (const piece of piecesOf(text)) {
      const token = this.#tokenOfPiece.get(piece);
      if (token !== undefined) tokens.push(token);
      else for (const byteToken of this.#spell(piece)) tokens.push(byteToken);
    }
    return tokens;
  }

  /** Decodes tokens, ignoring start tokens. `decode(encode(text))` is `text`. */
  decode(tokens: Iterable<number>): string {
    const bytes: number[] = [];
    for (const token of tokens) {
      if (token >= firstPieceToken) {
        const piece = this.#pieces[token - firstPieceToken];
        if (piece !== undefined) bytes.push(...bytesOf(piece));
      } else if (token >= firstByteToken) bytes.push(token - firstByteToken);
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  }

  toJSON(): TokenizerDescription {
    return {
      format: 'millrace-compact-tokenizer',
      version: 1,
      encoding: 'cl100k_base',
      pieces: this.#pieces,
    };
  }

  #spell(piece: number): readonly number[] {
    let spelling = this.#spelling.get(piece);
    if (!spelling) {
      spelling = Array.from(bytesOf(piece), (byte) => firstByteToken + byte);
      this.#spelling.set(piece, spelling);
    }
    return spelling;
  }
}

function piecesOf(text: string): number[] {
  // Documentation may mention <|endoftext|>; it is text here.
  return encode(text, { disallowedSpecial: new Set() });
}

function bytesOf(piece: number): Uint8Array {
  const bytes = ranks[piece] ?? [];
  return typeof bytes === 'string' ? new TextEncoder().encode(bytes) : Uint8Array.from(bytes);
}

function isDescription(value: unknown): value is TokenizerDescription {
  const candidate = value as Partial<TokenizerDescription> | null | undefined;
  return (
    candidate?.format === 'millrace-compact-tokenizer' &&
    candidate.version === 1 &&
    candidate.encoding === 'cl100k_base' &&
    Array.isArray(candidate.pieces)
  );
}
