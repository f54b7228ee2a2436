import { firstAbove } from '../../core/first-above.js';
import type { ByteSource } from '../../storage/byte-source.js';
import type { DecompressionBudget } from '../tables/decompression-budget.js';
import { Pace } from '../tables/pace.js';
import { type DecodedPage, LeafColumn, type LeafType } from './leaf-column.js';
import { decompressPage } from './parquet-codecs.js';
import { readDictionaryIndices, readPlain, readValues } from './parquet-encodings.js';
import { type Page, PageTooLong, readPage } from './parquet-pages.js';
import { readRuns } from './parquet-runs.js';

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
