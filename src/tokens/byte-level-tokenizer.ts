import * as v from 'valibot';
import { concatBytes } from '../core/concat-bytes.js';
import { recordOf } from '../core/options.js';
import { ownValue } from '../core/record.js';
import { AddedTokens } from './added-tokens.js';
import { BytePairEncoder } from './byte-pair-encoder.js';
import { byteLevelSplit, type SplitIntoWords } from './pre-tokenizer.js';
import type { TokenEngine, TokenSpans } from './token-engine.js';
import { type Component, componentsOf, type TokenizerJson } from './tokenizer-json.js';

const utf8 = new TextEncoder();

/** Characters that compose with their neighbors are normalized together: a base with its marks, and runs of Hangul letters. */
const composed = /[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb\uac00-\ud7a3]+\p{M}*|\P{M}\p{M}*|\p{M}+/gu;

/**
 * A byte-level BPE tokenizer from a `tokenizer.json`: GPT, Llama 3, Qwen, DeepSeek and others. Ids equal those of Hugging
 * Face `tokenizers`.
 */
export class ByteLevelTokenizer implements TokenEngine {
  readonly specialTokens: readonly string[];
  readonly #encoder: BytePairEncoder;
  readonly #splitIntoWords: SplitIntoWords;
  readonly #normalizes: boolean;
  /** Added tokens that are found in the text as it is, and those that are found after normalization. */
  readonly #rawTokens: AddedTokens;
  readonly #normalizedTokens: AddedTokens;
  readonly #addedContent: ReadonlyMap<number, Uint8Array>;
  readonly #specialIds: ReadonlySet<number>;
  readonly #before: readonly number[];
  readonly #after: readonly number[];

  private constructor(
    json: TokenizerJson,
    encoder: BytePairEncoder,
    splitIntoWords: SplitIntoWords,
    around: Around,
  ) {
    const added = json.added_tokens ?? [];
    this.#encoder = encoder;
    this.#splitIntoWords = splitIntoWords;
    this.#normalizes = componentsOf(json.normalizer, 'normalizers').length > 0;
    this.#rawTokens = new AddedTokens(added.filter(({ normalized }) => !normalized));
    this.#normalizedTokens = new AddedTokens(added.filter(({ normalized }) => normalized));
    this.#addedContent = new Map(added.map(({ id, content }) => [id, utf8.encode(content)]));
    const special = added.filter((token) => token.special);
    this.#specialIds = new Set(special.map(({ id }) => id));
    this.specialTokens = special.map(({ content }) => content);
    ({ before: this.#before, after: this.#after } = around);
  }

  #bytesIn(id: number): number {
    return this.#encoder.bytesOf(id)?.length ?? 0;
  }

  /** A tokenizer, or `undefined` if the file describes another kind. */
  static fromJson(json: TokenizerJson): ByteLevelTokenizer | undefined {
    if (json.model.type !== undefined && json.model.type !== 'BPE') return undefined;
    const normalizers = componentsOf(json.normalizer, 'normalizers');
    const decoders = componentsOf(json.decoder, 'decoders');
    const split = byteLevelSplit(json.pre_tokenizer);
    const around = surroundings(json.post_processor);
    const isPlain =
      normalizers.every(({ type }) => type === 'NFC') && decoders.every(({ type }) => type === 'ByteLevel');
    if (!split || !around || !isPlain) return undefined;
    const encoder = BytePairEncoder.fromModel(json.model);
    return encoder && new ByteLevelTokenizer(json, encoder, split, around);
  }

  encode(text: string, addSpecialTokens: boolean): number[] {
    const ids: number[] = addSpecialTokens ? [...this.#before] : [];
    for (const piece of this.#rawTokens.split(text)) {
      if ('id' in piece) ids.push(piece.id);
      else this.#encodeText(this.#normalizes ? piece.text.normalize('NFC') : piece.text, ids);
    }
    if (addSpecialTokens) ids.push(...this.#after);
    return ids;
  }

  #encodeText(text: string, ids: number[]): void {
    for (const piece of this.#normalizedTokens.split(text)) {
      if ('id' in piece) ids.push(piece.id);
      else for (const word of this.#splitIntoWords(piece.text)) this.#encoder.encode(word, ids);
    }
  }

  spans(text: string, textAt?: ReadonlySet<number>): TokenSpans {
    const spans: MutableSpans = { ids: [], starts: [], ends: [] };
    for (const piece of this.#rawTokens.split(text, textAt)) {
      if ('id' in piece) add(spans, piece.id, piece.start, piece.end);
      else this.#spansOfText(piece.text, piece.start, spans);
    }
    return spans;
  }

  #spansOfText(text: string, offset: number, spans: MutableSpans): void {
    const normalized = this.#normalizes ? text.normalize('NFC') : text;
    const locate = normalized === text ? (at: number) => offset + at : composedPositions(text, offset);
    for (const piece of this.#normalizedTokens.split(normalized)) {
      if ('id' in piece) add(spans, piece.id, locate(piece.start), locate(piece.end));
      else this.#spansOfWords(piece.text, piece.start, locate, spans);
    }
  }

  #spansOfWords(text: string, start: number, locate: (at: number) => number, spans: MutableSpans): void {
    const words = this.#splitIntoWords(text);
    // A space that the pre-tokenizer puts before the text has no position of its own.
    let cursor = start - (words.reduce((sum, word) => sum + word.length, 0) - text.length);
    const { ids, starts, ends } = spans;
    for (const word of words) {
      const first = ids.length;
      this.#encoder.encode(word, ids);
      if (ids.length === first + 1) {
        starts.push(locate(Math.max(start, cursor)));
        ends.push(locate(cursor + word.length));
      } else if (isAscii(word)) {
        // A character is a byte.
        let at = cursor;
        for (let k = first; k < ids.length; k++) {
          const from = Math.max(start, at);
          at += this.#bytesIn(ids[k]!);
          starts.push(locate(from));
          ends.push(locate(Math.max(from, at)));
        }
      } else {
        const characterAt = characterOfByteIn(word);
        let byte = 0;
        for (let k = first; k < ids.length; k++) {
          const last = byte + this.#bytesIn(ids[k]!) - 1;
          const from = Math.max(start, cursor + characterAt[byte]!);
          const to = cursor + characterAt[last]! + characterWidth(word, characterAt[last]!);
          starts.push(locate(from));
          ends.push(locate(Math.max(from, to)));
          byte = last + 1;
        }
      }
      cursor += word.length;
    }
  }

  decode(ids: Iterable<number>, skipSpecialTokens: boolean): string {
    const parts: Uint8Array[] = [];
    for (const id of ids) {
      if (skipSpecialTokens && this.#specialIds.has(id)) continue;
      const bytes = this.#addedContent.get(id) ?? this.#encoder.bytesOf(id);
      if (bytes) parts.push(bytes);
    }
    const bytes = concatBytes(parts);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  }
}

interface MutableSpans {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

function add(spans: MutableSpans, id: number, start: number, end: number): void {
  spans.ids.push(id);
  spans.starts.push(start);
  spans.ends.push(end);
}

/** Ids that a post-processor puts before and after a text. */
interface Around {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The parts of a `TemplateProcessing`: special tokens around the text. */
const templateSchema = v.object({
  single: v.array(
    v.object({ SpecialToken: v.optional(v.object({ id: v.string() })), Sequence: v.optional(v.unknown()) }),
  ),
  special_tokens: recordOf(v.object({ ids: v.array(v.number()) })),
});

function surroundings(component: Component | null | undefined): Around | undefined {
  const steps = componentsOf(component, 'processors').filter(({ type }) => type !== 'ByteLevel');
  if (steps.length === 0) return { before: [], after: [] };
  const [step] = steps;
  if (steps.length > 1 || step?.type !== 'TemplateProcessing') return undefined;
  const template = v.safeParse(templateSchema, step);
  if (!template.success) return undefined;
  const { single, special_tokens: tokens } = template.output;
  const at = single.findIndex(({ Sequence }) => Sequence !== undefined);
  const idsOf = (items: typeof single) =>
    items.flatMap(({ SpecialToken }) => (SpecialToken && ownValue(tokens, SpecialToken.id)?.ids) ?? []);
  return { before: idsOf(single.slice(0, at)), after: idsOf(single.slice(at + 1)) };
}

/** For each byte of a word in UTF-8, where its character begins in the word. */
function characterOfByteIn(word: string): Int32Array {
  const positions = new Int32Array(3 * word.length);
  let byte = 0;
  for (let at = 0; at < word.length; at += characterWidth(word, at)) {
    const code = word.codePointAt(at) ?? 0;
    const width = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    positions.fill(at, byte, byte + width);
    byte += width;
  }
  return positions.subarray(0, byte);
}

function isAscii(word: string): boolean {
  for (let at = 0; at < word.length; at++) if (word.charCodeAt(at) > 0x7f) return false;
  return true;
}

function characterWidth(word: string, at: number): number {
  return (word.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** Positions of the original text by position in its NFC form. */
function composedPositions(text: string, offset: number): (at: number) => number {
  const origin: number[] = [];
  let cursor = offset;
  for (const [cluster] of text.matchAll(composed)) {
    const width = cluster.normalize('NFC').length;
    for (let k = 0; k < width; k++) origin.push(cursor);
    cursor += cluster.length;
  }
  return (at) => origin[at] ?? cursor;
}
