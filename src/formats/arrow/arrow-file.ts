import { type ErrorLocation, FormatError, MillraceError } from '../../core/errors.js';
import { firstAbove } from '../../core/first-above.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { SharedNumbers } from '../records/shared-numbers.js';
import { DecompressionBudget } from '../tables/decompression-budget.js';
import type { TableBlock, TableFile } from '../tables/table-rows.js';
import { buffersOf } from './arrow-buffers.js';
import type { ArrowColumn } from './arrow-column.js';
import { ColumnReader } from './arrow-columns.js';
import { type ArrowLayout, type BatchPlace, readFileLayout, readStreamLayout } from './arrow-layout.js';
import { type Message, readMessage } from './arrow-message.js';
import type { ArrowField } from './arrow-schema.js';

const fileMagic = 'ARROW1';
/** Feather version 1, which is not Arrow IPC. */
const featherMagic = 'FEA1';

/** An Arrow IPC file, or a stream, which is read as a whole. */
export class ArrowFile implements TableFile {
  readonly source: ByteSource;
  readonly fields: readonly ArrowField[];
  /** What the writer added to the schema, by key. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Shape `[batches + 1]`: the first row of each record batch, and the number of rows. */
  readonly bounds: Float64Array;
  readonly #layout: ArrowLayout;
  readonly #maxDecompressedBytes: number;
  /** Dictionaries by batch. In a file, where they do not change, one set serves all batches. */
  readonly #dictionaries = new Map<number, Promise<ReadonlyMap<bigint, ArrowColumn>>>();

  private constructor(
    source: ByteSource,
    layout: ArrowLayout,
    bounds: Float64Array,
    maxDecompressedBytes: number,
  ) {
    this.source = source;
    this.fields = layout.fields;
    this.metadata = layout.metadata;
    this.bounds = bounds;
    this.#layout = layout;
    this.#maxDecompressedBytes = maxDecompressedBytes;
  }

  /**
   * Opens the file and counts the rows of each batch.
   *
   * @param bounds - The `bounds` of an earlier instance, which saves counting.
   * @throws {@link FormatError} if the file is damaged.
   */
  static async open(
    source: ByteSource,
    options: { readonly maxDecompressedBytes: number; readonly bounds?: Float64Array },
  ): Promise<ArrowFile> {
    return guard({ file: source.name }, async () => {
      if (source.byteLength === 0) throw new Error('it is empty');
      const head = await source.read(0, Math.min(fileMagic.length, source.byteLength));
      const magic = new TextDecoder('latin1').decode(head);
      if (magic.startsWith(featherMagic))
        throw new Error('it is Feather of version 1, which is not supported: write version 2');
      const layout =
        magic === fileMagic
          ? await readFileLayout(source, options.bounds === undefined)
          : readStreamLayout(await source.read(0, source.byteLength));
      const bounds = options.bounds ?? boundsOf(layout.batches);
      if (bounds.length !== layout.batches.length + 1)
        throw new Error(`it has ${layout.batches.length} record batches, not ${bounds.length - 1}`);
      return new ArrowFile(source, layout, bounds, options.maxDecompressedBytes);
    });
  }

  /** Rows of each record batch. */
  get groupLengths(): readonly number[] {
    return Array.from(this.bounds.subarray(1), (end, k) => end - this.bounds[k]!);
  }

  bytesOfBlock(batch: number): { readonly start: number; readonly end: number }[] {
    const { start, end } = this.#layout.batches[batch]!;
    return [{ start, end }];
  }

  /** Decodes columns of a record batch. @throws {@link FormatError} if it is damaged. */
  async readBlock(batch: number, columns: readonly string[]): Promise<TableBlock> {
    const where = { file: this.source.name, recordBatch: batch };
    return guard(where, async () => {
      const place = this.#layout.batches[batch]!;
      const dictionaries = await this.#dictionariesOf(place.dictionaries);
      const { message, bytes } = await this.#message(place);
      const [start, end] = [this.bounds[batch]!, this.bounds[batch + 1]!];
      if (message.kind !== 'batch' || message.batch.rows !== end - start)
        throw new Error(`the record batch does not have its ${end - start} rows`);
      const isChosen = (field: ArrowField) => columns.includes(field.name);
      const byName = await this.#columns(message, bytes, this.fields, isChosen, dictionaries);
      const values = columns.map((name) => {
        const column = byName.get(name);
        if (column?.length !== end - start)
          throw new Error(`the column ${name} has ${column?.length} of ${end - start} values`);
        return (row: number): unknown => {
          try {
            return column.value(row);
          } catch (cause) {
            throw damaged({ ...where, column: name }, cause);
          }
        };
      });
      return { start, columns: values };
    });
  }

  /** The chosen columns of a batch, by name. */
  async #columns(
    message: Message & { readonly kind: 'batch' | 'dictionary' },
    bytes: Uint8Array,
    fields: readonly ArrowField[],
    isChosen: (field: ArrowField) => boolean,
    dictionaries: ReadonlyMap<bigint, ArrowColumn>,
  ): Promise<ReadonlyMap<string, ArrowColumn>> {
    const reader = new ColumnReader(message.batch, message.hasUnionValidity, dictionaries);
    const ranges = reader.bufferRanges(fields);
    const chosen = ranges.filter((_, k) => isChosen(fields[k]!));
    const isNeeded = (buffer: number) => chosen.some(({ from, to }) => buffer >= from && buffer < to);
    const body = bytes.subarray(message.bodyStart, message.bodyEnd);
    const budget = new DecompressionBudget(this.#maxDecompressedBytes);
    reader.start(await buffersOf(message.batch, body, isNeeded, budget));
    const columns = new Map<string, ArrowColumn>();
    for (const field of fields) {
      if (isChosen(field)) columns.set(field.name, reader.read(field));
      else reader.skip(field);
    }
    return columns;
  }

  async #message(place: BatchPlace): Promise<{ readonly message: Message; readonly bytes: Uint8Array }> {
    const { bytes: whole } = this.#layout;
    const bytes = whole?.subarray(place.start, place.end) ?? (await this.source.read(place.start, place.end));
    const message = readMessage(bytes, 0);
    if (!message) throw new Error('a message is empty');
    if (message.bodyEnd > bytes.length) throw new Error('a record batch is longer than the file says');
    return { message, bytes };
  }

  /** The dictionaries after a number of dictionary messages. */
  #dictionariesOf(count: number): Promise<ReadonlyMap<bigint, ArrowColumn>> {
    let reading = this.#dictionaries.get(count);
    if (!reading) {
      reading = this.#readDictionaries(count);
      this.#dictionaries.set(count, reading);
      // A failed read may succeed the next time.
      reading.catch(() => this.#dictionaries.delete(count));
    }
    return reading;
  }

  async #readDictionaries(count: number): Promise<ReadonlyMap<bigint, ArrowColumn>> {
    const parts = new Map<bigint, ArrowColumn[]>();
    const known = new Map<bigint, ArrowColumn>();
    for (const place of this.#layout.dictionaries.slice(0, count)) {
      const { message, bytes } = await this.#message(place);
      if (message.kind !== 'dictionary') throw new Error('a dictionary is damaged');
      const field = dictionaryField(this.fields, message.id);
      if (!field) throw new Error(`no column has the dictionary ${message.id}`);
      const columns = await this.#columns(
        message,
        bytes,
        [{ ...field, dictionary: undefined }],
        () => true,
        known,
      );
      // A later message replaces or extends a dictionary.
      const before = message.isDelta ? (parts.get(message.id) ?? []) : [];
      const all = [...before, ...columns.values()];
      parts.set(message.id, all);
      known.set(message.id, joined(all));
    }
    return known;
  }
}

/** The field of a dictionary. */
function dictionaryField(fields: readonly ArrowField[], id: bigint): ArrowField | undefined {
  for (const field of fields) {
    const found = field.dictionary?.id === id ? field : dictionaryField(field.children, id);
    if (found) return found;
  }
  return undefined;
}

function joined(parts: readonly ArrowColumn[]): ArrowColumn {
  if (parts.length === 1) return parts[0]!;
  let length = 0;
  const ends = parts.map((part) => {
    length += part.length;
    return length;
  });
  const at = <T>(row: number, read: (part: ArrowColumn, row: number) => T): T => {
    const part = firstAbove(ends, row);
    return read(parts[part]!, row - (part === 0 ? 0 : ends[part - 1]!));
  };
  return {
    length,
    value: (row) => at(row, (part, inner) => part.value(inner)),
    isMissing: (row) => at(row, (part, inner) => part.isMissing(inner)),
  };
}

function boundsOf(batches: readonly BatchPlace[]): Float64Array {
  const bounds = new SharedNumbers();
  let start = 0;
  bounds.push(0);
  for (const { rows } of batches) {
    start += rows;
    if (!Number.isSafeInteger(start)) throw new Error('it has more rows than can be counted');
    bounds.push(start);
  }
  return bounds.shared();
}

async function guard<T>(where: ErrorLocation, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause.addLocation(where);
    throw damaged(where, cause);
  }
}

function damaged(where: ErrorLocation, cause: unknown): FormatError {
  // The metadata view throws this for every offset outside it.
  const why = cause instanceof RangeError ? 'its metadata is damaged or cut short' : messageOf(cause);
  return new FormatError(`The Arrow file cannot be read: ${why}`, {
    where,
    next: 'Copy or write the file again.',
    cause,
  });
}
