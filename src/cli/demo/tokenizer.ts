import { FormatError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import { importPeer } from '../../core/peer.js';

/** The token that begins every sequence; also what padding is filled with. */
export const startToken = 0;

/** Tokens 1 … 256 are the bytes 0 … 255. */
const firstByteToken = 1;
const firstPieceToken = firstByteToken + 256;

/** How a tokenizer is stored. */
export interface TokenizerDescription extends JsonObject {
  readonly format: 'millrace-compact-tokenizer';
  readonly version: 1;
  /** The byte-pair encoding whose pieces are used. */
  readonly encoding: 'cl100k_base';
  /** Ids of the pieces in that encoding; the first one is token 257, and so on. */
  readonly pieces: readonly number[];
}

/** The pieces of a large byte-pair encoding, one by one. */
interface PieceEncoding {
  encode(text: string): number[];
  /** The bytes that a piece stands for. */
  bytesOf(piece: number): Uint8Array;
}

/**
 * Turns text into tokens of a small vocabulary: a start token, the 256 bytes, and the pieces of `cl100k_base` that are
 * most worth having for one corpus. Every other piece is spelled in bytes, so nothing is unknown and decoding is exact.
 */
export class CompactTokenizer {
  readonly vocabularySize: number;
  readonly #encoding: PieceEncoding;
  readonly #pieces: readonly number[];
  readonly #tokenOfPiece: ReadonlyMap<number, number>;
  readonly #spelling = new Map<number, readonly number[]>();

  private constructor(encoding: PieceEncoding, pieces: readonly number[]) {
    this.#encoding = encoding;
    this.#pieces = pieces;
    this.#tokenOfPiece = new Map(pieces.map((piece, rank) => [piece, firstPieceToken + rank]));
    this.vocabularySize = firstPieceToken + pieces.length;
  }

  /**
   * Chooses the vocabulary for some texts: the pieces that save most tokens against spelling in bytes.
   *
   * @param vocabularySize - Tokens in all, 257 or more.
   * @throws {@link MissingPeerError} when gpt-tokenizer is not installed.
   * @remarks O(text). Ties are broken by piece id, so the same texts give the same vocabulary.
   */
  static async fit(texts: Iterable<string>, vocabularySize: number): Promise<CompactTokenizer> {
    const encoding = await loadEncoding();
    const counts = new Map<number, number>();
    for (const text of texts) {
      for (const piece of encoding.encode(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
    }
    const savings = [...counts]
      .map(([piece, count]) => ({ piece, saved: count * (encoding.bytesOf(piece).length - 1) }))
      .filter(({ saved }) => saved > 0)
      .sort((a, b) => b.saved - a.saved || a.piece - b.piece);
    const pieces = savings.slice(0, Math.max(0, vocabularySize - firstPieceToken)).map(({ piece }) => piece);
    return new CompactTokenizer(encoding, pieces);
  }

  /**
   * Makes the tokenizer that {@link CompactTokenizer.toJSON} described.
   *
   * @throws {@link FormatError} when it is not such a description.
   * @throws {@link MissingPeerError} when gpt-tokenizer is not installed.
   */
  static async fromJSON(description: unknown): Promise<CompactTokenizer> {
    if (!isDescription(description)) {
      throw new FormatError('This is not the description of a compact tokenizer', {
        next: 'Make the dataset again; its tokenizer file is written beside it.',
      });
    }
    return new CompactTokenizer(await loadEncoding(), description.pieces);
  }

  /** Tokens of a text, without a start token. */
  encode(text: string): number[] {
    const tokens: number[] = [];
    for (const piece of this.#encoding.encode(text)) {
      const token = this.#tokenOfPiece.get(piece);
      if (token !== undefined) tokens.push(token);
      else for (const byteToken of this.#spell(piece)) tokens.push(byteToken);
    }
    return tokens;
  }

  /** The text of some tokens; start tokens are left out. `decode(encode(text))` is `text`. */
  decode(tokens: Iterable<number>): string {
    const bytes: number[] = [];
    for (const token of tokens) {
      if (token >= firstPieceToken) {
        const piece = this.#pieces[token - firstPieceToken];
        if (piece !== undefined) bytes.push(...this.#encoding.bytesOf(piece));
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
      spelling = Array.from(this.#encoding.bytesOf(piece), (byte) => firstByteToken + byte);
      this.#spelling.set(piece, spelling);
    }
    return spelling;
  }
}

async function loadEncoding(): Promise<PieceEncoding> {
  type Encoding = typeof import('gpt-tokenizer/encoding/cl100k_base');
  type Ranks = typeof import('gpt-tokenizer/bpeRanks/cl100k_base');
  const { encode } = await importPeer<Encoding>('gpt-tokenizer/encoding/cl100k_base', 'millrace demo');
  const { default: ranks } = await importPeer<Ranks>('gpt-tokenizer/bpeRanks/cl100k_base', 'millrace demo');
  // Documentation may mention <|endoftext|>; here it is text like any other.
  const asText = { disallowedSpecial: new Set<string>() };
  const utf8 = new TextEncoder();
  return {
    encode: (text) => encode(text, asText),
    bytesOf(piece) {
      const bytes = ranks[piece] ?? [];
      return typeof bytes === 'string' ? utf8.encode(bytes) : Uint8Array.from(bytes);
    },
  };
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
