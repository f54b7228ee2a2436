import { firstAbove } from '../../core/first-above.js';
import type { ByteSource } from '../../storage/byte-source.js';
import type { DecompressionBudget } from '../tables/decompression-budget.js';
import { Pace } from '../tables/pace.js';
import { decompressPage } from './parquet-codecs.js';
import { readDictionaryIndices, readPlain, readValues, type StoredType } from './parquet-encodings.js';
import { type Page, PageTooLong, readPage } from './parquet-pages.js';
import { readRuns } from './parquet-runs.js';

/** A leaf: a column that holds values, top-level or nested. */
export interface LeafType extends StoredType {
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  /** What a sample has of a stored value; `undefined` where that is it. */
  readonly convert: ((stored: never) => unknown) | undefined;
  /** Whether {@link convert} gives the same value to everyone: then entries of a dictionary are converted once. */
  readonly isShared: boolean;
}

/** Location of a column's pages. */
export interface ChunkPlace {
  readonly codec: string;
  /** The first byte of the first page. */
  readonly start: number;
  readonly end: number;
  /** Values with those that are missing. */
  readonly entries: number;
  /** Offset and first row of each data page, if the file has a page index. */
  readonly pages?: readonly { readonly start: number; readonly end: number; readonly firstRow: number }[];
}

/** Memory that an entry takes besides its value: levels, the ordinal of its value, an index into a dictionary, the start of a row. */
const bytesOfEntry = 16;

/** Old versions of parquet-mr leave the header of the dictionary page out of the size of a column: no header is longer. */
const missingBytes = 128;

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

interface DecodedPage {
  readonly entries: number;
  /** Entries that have a value. */
  readonly values: number;
  readonly rows: number;
  readonly definitions: Uint8Array | undefined;
  readonly repetitions: Uint8Array | undefined;
  readonly value: (k: number) => unknown;
}

/** Values by index. */
interface Dictionary {
  readonly entries: number;
  readonly value: (index: number) => unknown;
}

/**
 * Reads and decodes the pages that have the rows `from … to - 1` of a row group.
 *
 * @throws Error where they are damaged
 */
export async function readLeaf(
  source: ByteSource,
  place: ChunkPlace,
  type: LeafType,
  { from, to }: { readonly from: number; readonly to: number },
  budget: DecompressionBudget,
): Promise<LeafColumn> {
  const decoder = new PageDecoder(type, place.codec, budget);
  if (!place.pages) {
    await decoder.decodeAll(source, place);
    return new LeafColumn(type, 0, decoder.pages);
  }
  const { pages } = place;
  const firstRows = pages.map(({ firstRow }) => firstRow);
  const [first, last] = [firstAbove(firstRows, from) - 1, firstAbove(firstRows, to - 1) - 1];
  if (first < 0) throw new Error('the index of its pages is damaged');
  if (place.start < pages[0]!.start)
    await decoder.decode(readPage(await source.read(place.start, pages[0]!.start), 0));
  const start = pages[first]!.start;
  const bytes = await source.read(start, pages[last]!.end);
  for (let k = first; k <= last; k++) {
    const rows = await decoder.decode(
      readPage(bytes.subarray(0, pages[k]!.end - start), pages[k]!.start - start),
    );
    const next = pages[k + 1];
    if (next && rows !== next.firstRow - pages[k]!.firstRow)
      throw new Error('a page has other rows than the index of pages says');
  }
  return new LeafColumn(type, pages[first]!.firstRow, decoder.pages);
}

class PageDecoder {
  readonly pages: DecodedPage[] = [];
  readonly #type: LeafType;
  readonly #codec: string;
  readonly #budget: DecompressionBudget;
  readonly #pace = new Pace();
  #dictionary: Dictionary | undefined;

  constructor(type: LeafType, codec: string, budget: DecompressionBudget) {
    this.#type = type;
    this.#codec = codec;
    this.#budget = budget;
  }

  /** All pages of a column chunk. */
  async decodeAll(source: ByteSource, place: ChunkPlace): Promise<void> {
    let bytes = await source.read(place.start, place.end);
    let at = 0;
    for (let entries = 0; entries < place.entries; ) {
      let page: Page;
      try {
        page = readPage(bytes, at);
      } catch (error) {
        const end = Math.min(place.end + missingBytes, source.byteLength);
        if (!(error instanceof PageTooLong) || bytes.length >= end - place.start) throw error;
        bytes = await source.read(place.start, end);
        continue;
      }
      at = page.end;
      await this.decode(page);
      if (page.header.kind.startsWith('data')) entries += page.header.count;
    }
  }

  /** @returns the rows that start in the page */
  async decode({ header, stored }: Page): Promise<number> {
    await this.#pace.rest();
    if (header.kind === 'other') return 0;
    this.#budget.take(header.contentBytes + bytesOfEntry * header.count);
    if (header.kind === 'dictionary') {
      if (this.#dictionary || this.pages.length > 0) throw new Error('a column has two dictionaries');
      const bytes = await decompressPage(this.#codec, stored, header.contentBytes);
      this.#dictionary = this.#dictionaryOf(bytes, header.count);
      return 0;
    }
    const page = await this.#dataPage(header, stored);
    if (page.entries > 0) this.pages.push(page);
    return page.rows;
  }

  async #dataPage(header: Page['header'], stored: Uint8Array): Promise<DecodedPage> {
    const { maxDefinition, maxRepetition } = this.#type;
    const entries = header.count;
    let repetitions: Uint8Array | undefined;
    let definitions: Uint8Array | undefined;
    let bytes: Uint8Array;
    if (header.levels) {
      const { repetitionBytes, definitionBytes, isCompressed } = header.levels;
      const levelBytes = repetitionBytes + definitionBytes;
      repetitions = levelsOf(stored.subarray(0, repetitionBytes), maxRepetition, entries);
      definitions = levelsOf(stored.subarray(repetitionBytes, levelBytes), maxDefinition, entries);
      const codec = isCompressed ? this.#codec : 'UNCOMPRESSED';
      bytes = await decompressPage(codec, stored.subarray(levelBytes), header.contentBytes - levelBytes);
    } else {
      const { bitPacked } = header;
      if ((maxDefinition > 0 && bitPacked.definitions) || (maxRepetition > 0 && bitPacked.repetitions))
        throw new Error('levels have the encoding BIT_PACKED, which is not supported');
      bytes = await decompressPage(this.#codec, stored, header.contentBytes);
      let at = 0;
      const levels = (max: number) => {
        if (max === 0) return undefined;
        if (bytes.length - at < 4) throw new Error('the levels of a page are missing');
        const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
        if (length > bytes.length - at - 4) throw new Error('the levels of a page are longer than it is');
        at += 4 + length;
        return levelsOf(bytes.subarray(at - length, at), max, entries);
      };
      repetitions = levels(maxRepetition);
      definitions = levels(maxDefinition);
      bytes = bytes.subarray(at);
    }
    let values = entries;
    if (definitions) for (const level of definitions) if (level !== maxDefinition) values -= 1;
    let rows = entries;
    if (repetitions) for (const level of repetitions) if (level !== 0) rows -= 1;
    return {
      entries,
      values,
      rows,
      definitions: values === entries ? undefined : definitions,
      repetitions,
      value: this.#valuesOf(header.encoding, bytes, values),
    };
  }

  #valuesOf(encoding: string, bytes: Uint8Array, count: number): (k: number) => unknown {
    const encoded = { ...this.#type, bytes, count, budget: this.#budget };
    const isIndexed = encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY';
    if (isIndexed) {
      const dictionary = this.#dictionary;
      if (!dictionary) {
        if (count > 0) throw new Error('a page refers to a dictionary that is not there');
        return () => undefined;
      }
      const indices = readDictionaryIndices(encoded, dictionary.entries);
      return (k) => dictionary.value(indices[k]!);
    }
    return this.#converted(readValues(encoding, encoded));
  }

  #dictionaryOf(bytes: Uint8Array, count: number): Dictionary {
    const value = this.#converted(readPlain({ ...this.#type, bytes, count, budget: this.#budget }));
    if (!this.#type.isShared) return { entries: count, value };
    const known = new Map<number, unknown>();
    return {
      entries: count,
      value: (index) => {
        let made = known.get(index);
        if (made === undefined) {
          made = value(index);
          known.set(index, made);
        }
        return made;
      },
    };
  }

  #converted(values: (k: number) => unknown): (k: number) => unknown {
    const convert = this.#type.convert as ((stored: unknown) => unknown) | undefined;
    return convert ? (k) => convert(values(k)) : values;
  }
}

function levelsOf(bytes: Uint8Array, max: number, entries: number): Uint8Array | undefined {
  if (max === 0) return undefined;
  const levels = new Uint8Array(entries);
  readRuns(bytes, 32 - Math.clz32(max), levels);
  for (const level of levels) if (level > max) throw new Error(`a value has level ${level} of ${max}`);
  return levels;
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
