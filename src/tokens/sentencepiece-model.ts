import { concatBytes } from '../core/concat-bytes.js';
import { FormatError } from '../core/errors.js';
import { messageOf } from '../core/thrown.js';

/** What a piece of a SentencePiece model is. The numbers are those of the file. */
export const pieceTypes = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

export interface Piece {
  readonly text: string;
  readonly type: number;
}

/** What Millrace reads of a SentencePiece model. The piece's place in the list is its id. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[];
  /** Ids of the special tokens; -1 if the model has none. */
  readonly bosId: number;
  readonly eosId: number;
  readonly padId: number;
  /** What an unknown token is decoded as. */
  readonly unknownSurface: string;
  /** Whether a space is put before a text. */
  readonly addsDummyPrefix: boolean;
  /** Whether spaces at the start, at the end and beside others are removed. */
  readonly removesExtraSpaces: boolean;
}

/**
 * Reads a SentencePiece model: a message of Protocol Buffers, as `sentencepiece_model.proto` of SentencePiece defines it.
 *
 * @throws {@link FormatError} if the bytes are no such message.
 */
export function readSentencePieceModel(bytes: Uint8Array, file: string): SentencePieceModel {
  try {
    const model = new Message(bytes);
    const pieces = model.messages(1).map((piece) => ({
      text: piece.text(1, ''),
      type: piece.integer(3, pieceTypes.normal),
    }));
    if (pieces.length === 0) throw new Error('it has no pieces');
    const trainer = model.message(2);
    const normalizer = model.message(3);
    return {
      pieces,
      bosId: trainer.integer(41, 1),
      eosId: trainer.integer(42, 2),
      padId: trainer.integer(43, -1),
      unknownSurface: trainer.text(44, ' \u2047 '),
      addsDummyPrefix: normalizer.integer(3, 1) !== 0,
      removesExtraSpaces: normalizer.integer(4, 1) !== 0,
    };
  } catch (cause) {
    throw notSentencePiece(file, messageOf(cause));
  }
}

export function notSentencePiece(file: string, reason: string): FormatError {
  return new FormatError(`The file is not a SentencePiece model: ${reason}`, {
    where: { file },
    next: 'Use the tokenizer.json of the model: `tokenizer.save_pretrained` of transformers writes one.',
  });
}

/** The model without the space that it puts before a text: the last value of a field holds. */
export function withoutDummyPrefix(model: Uint8Array): Uint8Array {
  const addDummyPrefix = [tagOf(3, wire.varint), 0];
  return concatBytes([
    model,
    Uint8Array.from([tagOf(3, wire.bytes), addDummyPrefix.length, ...addDummyPrefix]),
  ]);
}

/** How a field of a message is stored. */
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function tagOf(field: number, kind: number): number {
  return field * 8 + kind;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A message of Protocol Buffers. Fields of fixed width are skipped: Millrace needs none. */
class Message {
  readonly #fields = new Map<number, (number | Uint8Array)[]>();
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @throws an error if the bytes are no message. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    while (this.#at < bytes.length) {
      const tag = this.#varint();
      const value = this.#value(tag & 7);
      if (value === undefined) continue;
      const values = this.#fields.get(tag >>> 3);
      if (values) values.push(value);
      else this.#fields.set(tag >>> 3, [value]);
    }
  }

  #value(kind: number): number | Uint8Array | undefined {
    if (kind === wire.varint) return this.#varint();
    if (kind === wire.bytes) return this.#take(this.#varint());
    if (kind === wire.fixed32) this.#take(4);
    else if (kind === wire.fixed64) this.#take(8);
    else throw new Error(`byte ${this.#at} has no field`);
    return undefined;
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length)
      throw new Error(`it ends within a field, at byte ${this.#at}`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** A number in groups of seven bits, the lowest first. Its lowest 32 bits, with a sign. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error('it ends within a number');
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error(`the number before byte ${this.#at} is too long`);
  }

  integer(field: number, absent: number): number {
    const value = this.#fields.get(field)?.at(-1);
    return typeof value === 'number' ? value : absent;
  }

  text(field: number, absent: string): string {
    const value = this.#fields.get(field)?.at(-1);
    return value instanceof Uint8Array ? utf8.decode(value) : absent;
  }

  messages(field: number): Message[] {
    const parts = this.#fields.get(field) ?? [];
    return parts.filter((part) => part instanceof Uint8Array).map((part) => new Message(part));
  }

  /** A message; its parts are joined if the field comes more than once. */
  message(field: number): Message {
    const parts = this.#fields.get(field) ?? [];
    return new Message(concatBytes(parts.filter((part) => part instanceof Uint8Array)));
  }
}
