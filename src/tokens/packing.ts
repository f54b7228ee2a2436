import { subarrayOf } from '../core/dtype.js';
import { firstAbove } from '../core/first-above.js';
import { firstIds, groupEnds, type IdArray, invertIds, sortByValue } from '../core/sort-by-value.js';
import { IndexPermutation, orderKey } from '../random/index.js';
import { type BinPacking, packBestFit } from './best-fit.js';

/** A document, or a part of one, in a row. */
export interface Piece {
  readonly document: number;
  /** Its first token in the document. */
  readonly start: number;
  /** Tokens. */
  readonly length: number;
}

export interface PackingOptions {
  /** Tokens per row. */
  readonly rowLength: number;
  /** Fixes how documents of equal length are exchanged from epoch to epoch. */
  readonly seed: number;
  /** Whether each epoch exchanges documents of equal length. */
  readonly shuffle: boolean;
}

/**
 * Documents packed into rows of equal length by best fit. A document longer than a row fills consecutive whole rows, and
 * only its remainder is packed with others; no other document is split. Empty documents are not in any row.
 *
 * The packing assigns lengths to rows, once. Each epoch permutes the documents of equal length, so that a document shares
 * its row with different ones.
 *
 * @remarks O(n) to construct, 20 bytes per document. O(pieces · log n) for a row, or for the rows of a document.
 */
export class Packing {
  readonly rowLength: number;
  /** Number of rows. */
  readonly rows: number;
  readonly #lengths: ArrayLike<number>;
  readonly #seed: number;
  readonly #shuffle: boolean;
  /** Documents that fill whole rows, and the end of those rows. */
  readonly #long: Float64Array;
  readonly #longEnds: Float64Array;
  readonly #fullRows: number;
  /** Remainders by length: the lengths, the end of each in `ids`, and the documents. */
  readonly #distinct: Float64Array;
  readonly #ends: Float64Array;
  readonly #ids: IdArray;
  #places: IdArray | undefined;
  readonly #bins: BinPacking;
  #epoch = 0;
  readonly #orders = new Map<number, IndexPermutation>();

  /** @param lengths - Tokens of each document: whole numbers, 0 or more. */
  constructor(lengths: ArrayLike<number>, { rowLength, seed, shuffle }: PackingOptions) {
    this.rowLength = rowLength;
    this.#lengths = lengths;
    this.#seed = seed;
    this.#shuffle = shuffle;
    const rests = new Float64Array(lengths.length);
    const long: number[] = [];
    for (let document = 0; document < lengths.length; document++) {
      rests[document] = lengths[document]! - rowLength * fullRowsOf(lengths[document]!, rowLength);
      if (lengths[document]! > rowLength) long.push(document);
    }
    this.#long = Float64Array.from(long);
    this.#longEnds = groupEnds(long.map((document) => fullRowsOf(lengths[document]!, rowLength)));
    this.#fullRows = this.#longEnds.at(-1) ?? 0;
    const sorted = sortByValue(rests, firstIds(lengths.length));
    const empty = sorted.distinct[0] === 0 ? sorted.counts[0]! : 0;
    const first = empty > 0 ? 1 : 0;
    this.#distinct = sorted.distinct.subarray(first);
    const counts = sorted.counts.subarray(first);
    this.#ids = subarrayOf(sorted.ids, empty);
    this.#ends = groupEnds(counts);
    this.#bins = packBestFit(this.#distinct, counts, rowLength);
    this.rows = this.#fullRows + this.#bins.starts.length - 1;
  }

  /** Returns the pieces of a row in an epoch, in order. */
  piecesOf(row: number, epoch: number): Piece[] {
    if (row < this.#fullRows) {
      const at = firstAbove(this.#longEnds, row);
      const before = at === 0 ? 0 : this.#longEnds[at - 1]!;
      const start = (row - before) * this.rowLength;
      return [{ document: this.#long[at]!, start, length: this.rowLength }];
    }
    const { starts, items } = this.#bins;
    const bin = row - this.#fullRows;
    return Array.from(items.subarray(starts[bin], starts[bin + 1]), (place) => {
      const group = firstAbove(this.#ends, place);
      const length = this.#distinct[group]!;
      const first = group === 0 ? 0 : this.#ends[group - 1]!;
      const document = this.#ids[first + this.#orderOf(group, epoch).at(place - first)]!;
      return { document, start: this.#lengths[document]! - length, length };
    });
  }

  /** Returns the rows that contain tokens of a document in an epoch, ascending. */
  rowsOf(document: number, epoch: number): number[] {
    const length = this.#lengths[document]!;
    if (length === 0) return [];
    const full = fullRowsOf(length, this.rowLength);
    const rows: number[] = [];
    if (full > 0) {
      const at = firstAbove(this.#long, document) - 1;
      const end = this.#longEnds[at]!;
      for (let row = end - full; row < end; row++) rows.push(row);
    }
    this.#places ??= invertIds(this.#ids, this.#lengths.length);
    const place = this.#places[document]!;
    const group = firstAbove(this.#ends, place);
    const first = group === 0 ? 0 : this.#ends[group - 1]!;
    const item = first + this.#orderOf(group, epoch).indexOf(place - first);
    rows.push(this.#fullRows + this.#bins.binOf[item]!);
    return rows;
  }

  #orderOf(group: number, epoch: number): Pick<IndexPermutation, 'at' | 'indexOf'> {
    if (!this.#shuffle) return unchanged;
    if (this.#epoch !== epoch) this.#orders.clear();
    this.#epoch = epoch;
    let order = this.#orders.get(group);
    if (!order) {
      const samples = this.#ends[group]! - (group === 0 ? 0 : this.#ends[group - 1]!);
      order = new IndexPermutation(samples, orderKey(this.#seed, epoch, `length ${this.#distinct[group]}`));
      this.#orders.set(group, order);
    }
    return order;
  }
}

const unchanged = { at: (place: number) => place, indexOf: (place: number) => place };

/** Whole rows that a document fills; its remainder has 1 to rowLength tokens. */
function fullRowsOf(length: number, rowLength: number): number {
  return Math.max(0, Math.ceil(length / rowLength) - 1);
}
