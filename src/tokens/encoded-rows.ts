import { shareTypedArray } from '../core/tensor.js';
import { ignoredLabel } from './chat-labels.js';
import type { LabeledIds } from './chat-reader.js';

/** The most tokens that are kept, 4 bytes each. */
const mostTokens = 2 ** 25;

/**
 * What encoding rows yielded, in memory that threads share, so that each row is encoded once. A token is its id if it is trained on, else
 * the bitwise complement of its id. Takes at most 128 MiB; rows that do not fit are encoded again.
 */
export interface EncodedRows {
  readonly tokens: Int32Array;
  /** The end of each sequence in `tokens`. Where a row is not kept, its sequences are empty. */
  readonly ends: Float64Array;
}

/** Collects {@link EncodedRows}. */
export class EncodedRowsWriter {
  readonly #ends: number[] = [];
  #tokens = new Int32Array(2 ** 16);
  #length = 0;

  add(sequences: readonly LabeledIds[]): void {
    const length = sequences.reduce((sum, { ids }) => sum + ids.length, 0);
    if (this.#length + length > mostTokens) {
      this.skip(sequences.length);
      return;
    }
    this.#reserve(this.#length + length);
    for (const { ids, labels } of sequences) {
      for (let k = 0; k < ids.length; k++)
        this.#tokens[this.#length + k] = labels[k] === ignoredLabel ? ~ids[k]! : ids[k]!;
      this.#length += ids.length;
      this.#ends.push(this.#length);
    }
  }

  /** A row that is not kept. */
  skip(sequences: number): void {
    for (let k = 0; k < sequences; k++) this.#ends.push(this.#length);
  }

  finish(): EncodedRows {
    return {
      tokens: shareTypedArray(this.#tokens.slice(0, this.#length)),
      ends: shareTypedArray(Float64Array.from(this.#ends)),
    };
  }

  #reserve(length: number): void {
    if (length <= this.#tokens.length) return;
    const larger = new Int32Array(Math.max(length, 2 * this.#tokens.length));
    larger.set(this.#tokens);
    this.#tokens = larger;
  }
}

/**
 * The sequences of a sample, in new memory; `undefined` if they are not kept.
 *
 * @param each - Sequences of a sample.
 */
export function encodedAt(
  { tokens, ends }: EncodedRows,
  sample: number,
  each: number,
): LabeledIds[] | undefined {
  const first = sample * each;
  const startOf = (sequence: number) => ends[sequence - 1] ?? 0;
  if (startOf(first) === ends[first + each - 1]) return undefined;
  return Array.from({ length: each }, (_, sequence) => {
    const start = startOf(first + sequence);
    const length = ends[first + sequence]! - start;
    const ids = new Int32Array(length);
    const labels = new Int32Array(length);
    for (let k = 0; k < length; k++) {
      const token = tokens[start + k]!;
      ids[k] = token < 0 ? ~token : token;
      labels[k] = token < 0 ? ignoredLabel : token;
    }
    return { ids, labels, images: undefined };
  });
}
