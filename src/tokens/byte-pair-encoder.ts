import { byteOfCharacter, characterOfByte } from './byte-alphabet.js';
import { MergeTable } from './merge-table.js';
import type { ModelJson } from './tokenizer-json.js';

/** Up to this many symbols a scan for the best pair is faster than a heap. */
const scanLimit = 48;
/** Words kept per generation of the cache. Two generations are kept, so memory is bounded and hot words stay. */
const generationSize = 32_768;
/** Longer words are not cached: they hardly repeat. */
const longestCachedWord = 64;

/**
 * Byte-pair encoding of single words over bytes: Sennrich, Haddow and Birch, Neural Machine Translation of Rare Words with
 * Subword Units, 2016, in the byte-level form of GPT-2. The lowest rank merges first, the leftmost pair among equals, as in
 * Hugging Face `tokenizers`.
 *
 * O(n log n) in the bytes of a word; words seen recently cost one lookup.
 */
export class BytePairEncoder {
  readonly #merges: MergeTable;
  readonly #byteIds: Int32Array;
  /** Ids of whole words in the byte alphabet, if the model prefers them to merges. */
  readonly #wholeWords: ReadonlyMap<string, number> | undefined;
  /** Bytes of each token. */
  readonly #tokenBytes: readonly (Uint8Array | undefined)[];
  #young = new Map<string, number | readonly number[]>();
  #old = new Map<string, number | readonly number[]>();
  #bytes = new Uint8Array(256);
  readonly #utf8 = new TextEncoder();

  private constructor(
    merges: MergeTable,
    byteIds: Int32Array,
    tokenBytes: readonly (Uint8Array | undefined)[],
    wholeWords: ReadonlyMap<string, number> | undefined,
  ) {
    this.#merges = merges;
    this.#byteIds = byteIds;
    this.#tokenBytes = tokenBytes;
    this.#wholeWords = wholeWords;
  }

  /** An encoder for a model, or `undefined` if the model is not byte-level BPE over all 256 bytes. */
  static fromModel(model: ModelJson): BytePairEncoder | undefined {
    if (model.dropout || model.byte_fallback || model.continuing_subword_prefix || model.end_of_word_suffix)
      return undefined;
    const vocabulary = new Map(Object.entries(model.vocab));
    if (![...vocabulary.values()].every(isTokenId)) return undefined;
    const byteIds = characterOfByte.map((character) => vocabulary.get(character) ?? -1);
    if (byteIds.includes(-1)) return undefined;
    const merges = new MergeTable(model.merges?.length ?? 0);
    for (const [rank, merge] of (model.merges ?? []).entries()) {
      const [left = '', right = ''] = typeof merge === 'string' ? merge.split(' ') : merge;
      const ids = [vocabulary.get(left), vocabulary.get(right), vocabulary.get(left + right)];
      if (ids.some((id) => id === undefined)) return undefined;
      merges.add(ids[0]!, ids[1]!, rank, ids[2]!);
    }
    const tokenBytes: (Uint8Array | undefined)[] = [];
    for (const [token, id] of vocabulary) tokenBytes[id] = bytesOfToken(token);
    return new BytePairEncoder(
      merges,
      Int32Array.from(byteIds),
      tokenBytes,
      model.ignore_merges ? vocabulary : undefined,
    );
  }

  /** The bytes of a token, or `undefined` if it is not in the vocabulary. */
  bytesOf(id: number): Uint8Array | undefined {
    return this.#tokenBytes[id];
  }

  /** Appends the ids of a word to `out`. */
  encode(word: string, out: number[]): void {
    const known = this.#young.get(word) ?? this.#old.get(word);
    if (typeof known === 'number') {
      out.push(known);
      return;
    }
    const ids = known ?? this.#remember(word);
    for (let k = 0; k < ids.length; k++) out.push(ids[k]!);
  }

  #remember(word: string): readonly number[] {
    const ids = this.#encodeNew(word);
    if (word.length > longestCachedWord) return ids;
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(word, ids.length === 1 ? ids[0]! : ids);
    return ids;
  }

  #encodeNew(word: string): number[] {
    const bytes = this.#bytesOfWord(word);
    const whole = this.#wholeWords?.get(inAlphabet(bytes));
    if (whole !== undefined) return [whole];
    const symbols = new Array<number>(bytes.length);
    for (let k = 0; k < bytes.length; k++) symbols[k] = this.#byteIds[bytes[k]!]!;
    return symbols.length <= scanLimit ? this.#mergeByScan(symbols) : this.#mergeByHeap(symbols);
  }

  #bytesOfWord(word: string): Uint8Array {
    if (this.#bytes.length < 3 * word.length) this.#bytes = new Uint8Array(6 * word.length);
    const { written } = this.#utf8.encodeInto(word, this.#bytes);
    return this.#bytes.subarray(0, written);
  }

  #mergeByScan(symbols: number[]): number[] {
    const merges = this.#merges;
    for (;;) {
      let best = -1;
      let bestRank = Number.POSITIVE_INFINITY;
      let bestSlot = -1;
      for (let k = 0; k + 1 < symbols.length; k++) {
        const slot = merges.find(symbols[k]!, symbols[k + 1]!);
        if (slot < 0 || merges.rankAt(slot) >= bestRank) continue;
        best = k;
        bestRank = merges.rankAt(slot);
        bestSlot = slot;
      }
      if (best < 0) return symbols;
      symbols.splice(best, 2, merges.mergedAt(bestSlot));
    }
  }

  /** A linked list of symbols and a heap of candidate pairs. Entries that no longer match the list are dropped when they surface. */
  #mergeByHeap(symbols: number[]): number[] {
    const merges = this.#merges;
    const length = symbols.length;
    const next = Int32Array.from({ length }, (_, k) => k + 1);
    const previous = Int32Array.from({ length }, (_, k) => k - 1);
    const heap = new CandidateHeap();
    const offer = (at: number): void => {
      const right = next[at]!;
      if (right >= length) return;
      const slot = merges.find(symbols[at]!, symbols[right]!);
      if (slot >= 0) heap.push(merges.rankAt(slot), at, symbols[at]!, symbols[right]!);
    };
    for (let k = 0; k < length; k++) offer(k);
    while (heap.pop()) {
      const { position, left, right } = heap;
      const after = next[position]!;
      if (symbols[position] !== left || after >= length || symbols[after] !== right) continue;
      symbols[position] = merges.mergedAt(merges.find(left, right));
      symbols[after] = -1;
      next[position] = next[after]!;
      if (next[position]! < length) previous[next[position]!] = position;
      if (previous[position]! >= 0) offer(previous[position]!);
      offer(position);
    }
    return symbols.filter((symbol) => symbol >= 0);
  }
}

/** A binary heap of candidate merges: the lowest rank first, then the leftmost position. */
class CandidateHeap {
  readonly #entries: { rank: number; position: number; left: number; right: number }[] = [];
  position = 0;
  left = 0;
  right = 0;

  push(rank: number, position: number, left: number, right: number): void {
    const entries = this.#entries;
    const entry = { rank, position, left, right };
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, entries[parent]!)) break;
      entries[at] = entries[parent]!;
      at = parent;
    }
    entries[at] = entry;
  }

  /** Takes the first candidate into the fields; `false` if there is none. */
  pop(): boolean {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (!first || !last) return false;
    ({ position: this.position, left: this.left, right: this.right } = first);
    if (entries.length === 0) return true;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && isBefore(entries[child + 1]!, entries[child]!)) child += 1;
      if (!isBefore(entries[child]!, last)) break;
      entries[at] = entries[child]!;
      at = child;
    }
    entries[at] = last;
    return true;
  }
}

function isBefore(a: { rank: number; position: number }, b: { rank: number; position: number }): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.position < b.position);
}

/** Ids index arrays: a vocabulary from a file may hold anything. */
function isTokenId(id: unknown): boolean {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 24;
}

function inAlphabet(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += characterOfByte[byte]!;
  return text;
}

/** The bytes that a token of the vocabulary stands for; its own UTF-8 if a character is not of the byte alphabet. */
function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let k = 0; k < token.length; k++) {
    const byte = byteOfCharacter.get(token[k]!);
    if (byte === undefined) return new TextEncoder().encode(token);
    bytes[k] = byte;
  }
  return bytes;
}
