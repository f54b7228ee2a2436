import { CapabilityError } from '../core/errors.js';
import { importPeer } from '../core/peer.js';
import { AddedTokens } from './added-tokens.js';
import {
  notSentencePiece,
  pieceTypes,
  readSentencePieceModel,
  type SentencePieceModel,
  withoutDummyPrefix,
} from './sentencepiece-model.js';
import type { TokenEngine, TokenSpans } from './token-engine.js';
import { spaceSymbol, spansOfTokens } from './token-surfaces.js';
import type { AddedTokenJson, TokenizerConfigJson } from './tokenizer-json.js';

/** The part of `@sctg/sentencepiece-js` that Millrace calls. */
interface Processor {
  loadFromB64StringModel(model: string): Promise<void>;
  encodeIds(text: string): number[];
  encodePieces(text: string): string[];
}

interface SentencePieceLibrary {
  readonly SentencePieceProcessor: new () => Processor;
}

/**
 * A SentencePiece model, run by SentencePiece's own code in WebAssembly. The ids of a text equal those of its Python package.
 *
 * Control tokens and the unknown token are found in the text, as in Hugging Face transformers; SentencePiece alone encodes their
 * names like other text.
 */
export class SentencePieceTokenizer implements TokenEngine {
  readonly specialTokens: readonly string[];
  readonly #model: SentencePieceModel;
  /** Encodes a text from its start on. */
  readonly #first: Processor;
  /** Encodes text after a special token. */
  readonly #later: Processor;
  readonly #added: AddedTokens;
  readonly #addedById: ReadonlyMap<number, AddedTokenJson>;
  readonly #unknownId: number;
  readonly #before: readonly number[];
  readonly #after: readonly number[];

  private constructor(
    model: SentencePieceModel,
    processors: { readonly first: Processor; readonly later: Processor },
    config: TokenizerConfigJson,
  ) {
    this.#model = model;
    this.#first = processors.first;
    this.#later = processors.later;
    const added = addedTokensOf(model, config);
    this.#added = new AddedTokens(added);
    this.#addedById = new Map(added.map((token) => [token.id, token]));
    this.specialTokens = added.filter(({ special }) => special).map(({ content }) => content);
    this.#unknownId = model.pieces.findIndex(({ type }) => type === pieceTypes.unknown);
    this.#before = config.add_bos_token && model.bosId >= 0 ? [model.bosId] : [];
    this.#after = config.add_eos_token && model.eosId >= 0 ? [model.eosId] : [];
  }

  /** The special tokens that the model itself names, for a configuration that does not. */
  get specialTokenNames(): Pick<TokenizerConfigJson, 'bos_token' | 'eos_token' | 'pad_token'> {
    const { pieces, bosId, eosId, padId } = this.#model;
    const named = (id: number) => pieces[id]?.text ?? null;
    return { bos_token: named(bosId), eos_token: named(eosId), pad_token: named(padId) };
  }

  /**
   * @param config - The `tokenizer_config.json` beside the model, if there is one.
   * @throws {@link FormatError} if the bytes are not a SentencePiece model; {@link MissingPeerError} without
   *   `@sctg/sentencepiece-js`; {@link CapabilityError} if the model's ids are not those of its SentencePiece file.
   */
  static async fromModel(
    bytes: Uint8Array,
    config: TokenizerConfigJson,
    file: string,
  ): Promise<SentencePieceTokenizer> {
    if (config.tokenizer_class !== undefined && renumbered.test(config.tokenizer_class))
      throw otherIds(config.tokenizer_class, file);
    const model = readSentencePieceModel(bytes, file);
    const first = await load(bytes, file);
    const isSame = !model.addsDummyPrefix || startsAnew(model, config);
    const later = isSame ? first : await load(withoutDummyPrefix(bytes), file);
    return new SentencePieceTokenizer(model, { first, later }, config);
  }

  encode(text: string, addSpecialTokens: boolean): number[] {
    const ids: number[] = addSpecialTokens ? [...this.#before] : [];
    for (const piece of this.#added.split(text)) {
      if ('id' in piece) ids.push(piece.id);
      else for (const id of this.#processorAt(piece.start).encodeIds(piece.text)) ids.push(id);
    }
    if (addSpecialTokens) ids.push(...this.#after);
    return ids;
  }

  spans(text: string, textAt?: ReadonlySet<number>): TokenSpans {
    const spans: Record<'ids' | 'starts' | 'ends', number[]> = { ids: [], starts: [], ends: [] };
    for (const piece of this.#added.split(text, textAt)) {
      if ('id' in piece) {
        spans.ids.push(piece.id);
        spans.starts.push(piece.start);
        spans.ends.push(piece.end);
        continue;
      }
      const found = this.#spansOfText(piece.text, this.#processorAt(piece.start));
      for (let k = 0; k < found.ids.length; k++) {
        spans.ids.push(found.ids[k]!);
        spans.starts.push(piece.start + found.starts[k]!);
        spans.ends.push(piece.start + found.ends[k]!);
      }
    }
    return spans;
  }

  #processorAt(start: number): Processor {
    return start === 0 ? this.#first : this.#later;
  }

  #spansOfText(text: string, processor: Processor): TokenSpans {
    const ids = processor.encodeIds(text);
    // The model does not know the text of an unknown token.
    const tokens = ids.includes(this.#unknownId)
      ? processor.encodePieces(text)
      : ids.map((id) => this.#model.pieces[id]!.text);
    return spansOfTokens(text, ids, tokens);
  }

  /** As SentencePiece decodes, but with the names of control tokens, which it leaves out. */
  decode(ids: Iterable<number>, skipSpecialTokens: boolean): string {
    const parts: string[] = [];
    let bytes: number[] = [];
    let isStart = true;
    for (const id of ids) {
      const piece = this.#model.pieces[id];
      if (piece?.type === pieceTypes.byte) {
        bytes.push(Number.parseInt(piece.text.slice(1, -1), 16));
        isStart = false;
        continue;
      }
      parts.push(textOfBytes(bytes));
      bytes = [];
      const added = this.#addedById.get(id);
      if (added?.special && id !== this.#unknownId) {
        if (!skipSpecialTokens) parts.push(added.content);
        continue;
      }
      const surface: string = added ? this.#addedSurface(added) : this.#surfaceOf(piece?.text ?? '', isStart);
      parts.push(surface);
      isStart &&= surface === '' && this.#model.removesExtraSpaces;
    }
    parts.push(textOfBytes(bytes));
    return parts.join('');
  }

  #addedSurface({ id, content }: AddedTokenJson): string {
    return id === this.#unknownId ? this.#model.unknownSurface : content;
  }

  /** A token with spaces; at the start of a text, without the one that encoding puts there. */
  #surfaceOf(token: string, isStart: boolean): string {
    const { addsDummyPrefix, removesExtraSpaces } = this.#model;
    const surface = token.replaceAll(spaceSymbol, ' ');
    return isStart && (addsDummyPrefix || removesExtraSpaces) ? surface.replace(/^ /, '') : surface;
  }
}

async function load(bytes: Uint8Array, file: string): Promise<Processor> {
  const name = '@sctg/sentencepiece-js';
  const library = await importPeer<SentencePieceLibrary>(name, 'A SentencePiece model');
  const processor = new library.SentencePieceProcessor();
  await processor.loadFromB64StringModel(base64(bytes));
  // A processor that could not read its model returns nothing for any text.
  if (processor.encodeIds('a').length === 0) throw notSentencePiece(file, 'SentencePiece refuses it');
  return processor;
}

function base64(bytes: Uint8Array): string {
  // As many arguments as every engine takes.
  const atOnce = 8_192;
  const parts = Array.from({ length: Math.ceil(bytes.length / atOnce) }, (_, k) =>
    String.fromCharCode(...bytes.subarray(k * atOnce, (k + 1) * atOnce)),
  );
  return btoa(parts.join(''));
}

/** Whether text after a special token gets a space of its own, as text at the start does. */
function startsAnew({ removesExtraSpaces }: SentencePieceModel, { legacy }: TokenizerConfigJson): boolean {
  return removesExtraSpaces || legacy === true;
}

/** Control tokens, the unknown token, and the tokens that the configuration adds. */
function addedTokensOf({ pieces }: SentencePieceModel, config: TokenizerConfigJson): AddedTokenJson[] {
  const own = pieces.flatMap(({ text, type }, id): AddedTokenJson[] =>
    type === pieceTypes.control || type === pieceTypes.unknown ? [{ id, content: text, special: true }] : [],
  );
  const configured = Object.entries(config.added_tokens_decoder ?? {}).map(
    ([id, token]): AddedTokenJson => ({ ...token, id: Number(id) }),
  );
  return [...new Map([...own, ...configured].map((token) => [token.id, token])).values()];
}

/** Tokenizers of transformers whose ids are not those of their SentencePiece file: they put tokens of their own before them. */
const renumbered =
  /^(XLMRoberta|Camembert|MBart|MBart50|Nllb|XGLM|Barthez|PLBart|Pegasus|M2M100|Marian|SeamlessM4T)Tokenizer/;

function otherIds(tokenizerClass: string, file: string): CapabilityError {
  return new CapabilityError(`The ids of a ${tokenizerClass} are not those of its SentencePiece file`, {
    where: { file },
    next: 'Use the tokenizer.json of the model: `tokenizer.save_pretrained` of transformers writes one.',
  });
}

/** The text of bytes. Each byte that is not part of a character becomes U+FFFD, as in SentencePiece. */
function textOfBytes(bytes: readonly number[]): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!;
    const width = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const character = characterOf(bytes.slice(at, at + width));
    text += character ?? '\ufffd';
    at += character === undefined ? 1 : width;
  }
  return text;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The character that bytes encode, or `undefined` if they are not exactly one. */
function characterOf(bytes: readonly number[]): string | undefined {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}
