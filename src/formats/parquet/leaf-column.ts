import { firstAbove } from '../../core/first-above.js';
import type { StoredType } from './parquet-encodings.js';

/** A leaf: a column that holds values, top-level or nested. */
export interface LeafType extends StoredType {
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  /** What a sample has of a stored value; `undefined` where that is it. */
  readonly convert: ((stored: never) => unknown) | undefined;
  /** Whether {@link convert} gives the same value to everyone: then entries of a dictionary are converted once. */
  readonly isShared: boolean;
}

/** A decoded data page. */
export interface DecodedPage {
  readonly entries: number;
  /** Entries that have a value. */
  readonly values: number;
  readonly rows: number;
  readonly definitions: Uint8Array | undefined;
  readonly repetitions: Uint8Array | undefined;
  readonly value: (k: number) => unknown;
}

/** The values of a leaf, of some rows that follow one another. */
export class LeafColumn {
  /** The rows of the row group that these pages hold: `[first, end)`. */
  readonly firstRow: number;
  readonly endRow: number;
  readonly #type: LeafType;
  /** `undefined` where nothing is missing. */
  readonly #definitions: Uint8Array | undefined;
  readonly #repetitions: Uint8Array | undefined;
  /** Ordinals of the values by entry; `undefined` where nothing is missing. */
  readonly #ordinals: Uint32Array | undefined;
  /** The entry at which each row starts; `undefined` where a row is an entry. */
  readonly #rowStarts: Uint32Array | undefined;
  /** For each page, how many values the column has up to the end of the page. */
  readonly #pageEnds: Float64Array;
  readonly #pages: readonly DecodedPage[];
  #page = 0;

  constructor(type: LeafType, firstRow: number, pages: readonly DecodedPage[]) {
    const entries = pages.reduce((sum, page) => sum + page.entries, 0);
    this.#type = type;
    this.firstRow = firstRow;
    this.#definitions = pages.some((page) => page.definitions)
      ? joined(pages, entries, (page) => page.definitions, type.maxDefinition)
      : undefined;
    this.#repetitions =
      type.maxRepetition > 0 ? joined(pages, entries, (page) => page.repetitions, 0) : undefined;
    this.#ordinals = this.#definitions && ordinalsOf(this.#definitions, type.maxDefinition);
    this.#rowStarts = this.#repetitions && rowStartsOf(this.#repetitions);
    this.endRow = firstRow + (this.#rowStarts ? this.#rowStarts.length - 1 : entries);
    let end = 0;
    this.#pageEnds = Float64Array.from(pages, ({ values }) => {
      end += values;
      return end;
    });
    this.#pages = pages;
  }

  /** The first entry of a row of the row group. */
  entryOf(row: number): number {
    const place = row - this.firstRow;
    return this.#rowStarts ? this.#rowStarts[place]! : place;
  }

  definition(entry: number): number {
    return this.#definitions ? this.#definitions[entry]! : this.#type.maxDefinition;
  }

  repetition(entry: number): number {
    return this.#repetitions ? this.#repetitions[entry]! : 0;
  }

  /** The value of an entry that has one. */
  value(entry: number): unknown {
    const ordinal = this.#ordinals ? this.#ordinals[entry]! : entry;
    let page = this.#page;
    const start = page === 0 ? 0 : this.#pageEnds[page - 1]!;
    if (ordinal < start || ordinal >= this.#pageEnds[page]!) {
      page = firstAbove(this.#pageEnds, ordinal);
      this.#page = page;
    }
    return this.#pages[page]!.value(ordinal - (page === 0 ? 0 : this.#pageEnds[page - 1]!));
  }

  /** The values, or `null`, of a column that is not nested, by row of the row group. */
  flatValues(): (row: number) => unknown {
    const { firstRow } = this;
    const [page] = this.#pages;
    if (page && this.#pages.length === 1 && !this.#definitions) {
      const { value } = page;
      return (row) => value(row - firstRow);
    }
    return (row) => {
      const entry = row - firstRow;
      return this.definition(entry) === this.#type.maxDefinition ? this.value(entry) : null;
    };
  }
}

function joined(
  pages: readonly DecodedPage[],
  entries: number,
  levelsOfPage: (page: DecodedPage) => Uint8Array | undefined,
  absent: number,
): Uint8Array {
  const only = pages.length === 1 ? levelsOfPage(pages[0]!) : undefined;
  if (only) return only;
  const levels = new Uint8Array(entries).fill(absent);
  let start = 0;
  for (const page of pages) {
    const own = levelsOfPage(page);
    if (own) levels.set(own, start);
    start += page.entries;
  }
  return levels;
}

function ordinalsOf(definitions: Uint8Array, max: number): Uint32Array {
  const ordinals = new Uint32Array(definitions.length);
  let next = 0;
  for (let entry = 0; entry < definitions.length; entry++) {
    ordinals[entry] = next;
    if (definitions[entry] === max) next += 1;
  }
  return ordinals;
}

function rowStartsOf(repetitions: Uint8Array): Uint32Array {
  if (repetitions.length > 0 && repetitions[0] !== 0) throw new Error('a column starts within a row');
  let rows = 0;
  for (const level of repetitions) if (level === 0) rows += 1;
  const starts = new Uint32Array(rows + 1);
  let row = 0;
  for (let entry = 0; entry < repetitions.length; entry++)
    if (repetitions[entry] === 0) starts[row++] = entry;
  starts[rows] = repetitions.length;
  return starts;
}
