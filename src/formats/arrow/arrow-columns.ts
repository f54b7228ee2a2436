// Columns of a record batch, https://arrow.apache.org/docs/format/Columnar.html#physical-memory-layout. Lengths and offsets are checked
// when a column is made, so that reading a row touches nothing outside of it.
import { type ArrowColumn, type ColumnParts, missingBy } from './arrow-column.js';
import type { BatchHeader } from './arrow-message.js';
import { integers, scalarColumn } from './arrow-scalars.js';
import type { ArrowField } from './arrow-schema.js';
import { nestedColumn } from './nested-column.js';

const emptyColumn: ArrowColumn = { length: 0, isMissing: () => true, value: () => null };

/** Reads the columns of a batch in order. */
export class ColumnReader {
  readonly #header: BatchHeader;
  readonly #hasUnionValidity: boolean;
  readonly #dictionaries: ReadonlyMap<bigint, ArrowColumn>;
  #buffers: readonly Uint8Array[] = [];
  #node = 0;
  #buffer = 0;
  #variadic = 0;

  constructor(
    header: BatchHeader,
    hasUnionValidity: boolean,
    dictionaries: ReadonlyMap<bigint, ArrowColumn>,
  ) {
    this.#header = header;
    this.#hasUnionValidity = hasUnionValidity;
    this.#dictionaries = dictionaries;
  }

  /** Positions of the buffers of each column. @throws Error if the batch has other columns */
  bufferRanges(fields: readonly ArrowField[]): { readonly from: number; readonly to: number }[] {
    const ranges = fields.map((field) => {
      const from = this.#buffer;
      this.skip(field);
      return { from, to: this.#buffer };
    });
    const { nodes, buffers } = this.#header;
    if (this.#node !== nodes.length || this.#buffer > buffers.length)
      throw new Error('a record batch has other columns than the schema');
    [this.#node, this.#buffer, this.#variadic] = [0, 0, 0];
    return ranges;
  }

  /** Starts to read these buffers. */
  start(buffers: readonly Uint8Array[]): void {
    this.#buffers = buffers;
  }

  /** Skips a column. */
  skip(field: ArrowField): void {
    const { type, dictionary } = field;
    this.#node += 1;
    this.#buffer += dictionary ? 2 : this.#ownBuffers(field);
    if (!dictionary && (type.kind === 'bytes' || type.kind === 'text') && type.layout === 'views')
      this.#variadic += 1;
    if (!dictionary) for (const child of field.children) this.skip(child);
  }

  /** The next column. @throws Error if its buffers are too short */
  read(field: ArrowField): ArrowColumn {
    const { type, children, dictionary } = field;
    const node = this.#header.nodes[this.#node++];
    if (!node) throw new Error('a record batch has other columns than the schema');
    const count = dictionary ? 2 : this.#ownBuffers(field);
    if (!dictionary && (type.kind === 'bytes' || type.kind === 'text') && type.layout === 'views')
      this.#variadic += 1;
    const own = this.#buffers.slice(this.#buffer, this.#buffer + count);
    if (own.length !== count) throw new Error('a record batch has other columns than the schema');
    this.#buffer += count;
    const { length } = node;
    const hasBitmap =
      dictionary ||
      !(
        type.kind === 'null' ||
        type.kind === 'runEnds' ||
        (type.kind === 'union' && !this.#hasUnionValidity)
      );
    const isMissing = hasBitmap ? missingBy(own[0]!, length, node.missing) : () => false;
    const buffers = hasBitmap ? own.slice(1) : own;
    const parts = { length, isMissing, buffers };
    if (dictionary) return this.#indexed(dictionary, parts);
    const scalar = scalarColumn(type, parts);
    if (scalar) return scalar;
    const inner = children.map((child) => this.read(child));
    return nestedColumn(field, inner, parts);
  }

  #ownBuffers({ type }: ArrowField): number {
    switch (type.kind) {
      case 'null':
      case 'runEnds':
        return 0;
      case 'struct':
      case 'fixedList':
        return 1;
      case 'union':
        return (type.isDense ? 2 : 1) + (this.#hasUnionValidity ? 1 : 0);
      case 'listView':
        return 3;
      case 'bytes':
      case 'text':
        if (type.layout === 'views') return 2 + (this.#header.variadicCounts[this.#variadic] ?? 0);
        return 3;
      default:
        return 2;
    }
  }

  #indexed(
    { id, index }: NonNullable<ArrowField['dictionary']>,
    { length, isMissing, buffers }: ColumnParts,
  ): ArrowColumn {
    const indices = integers(index, buffers[0], length);
    const dictionary = this.#dictionaries.get(id) ?? emptyColumn;
    if (dictionary === emptyColumn && length > 0)
      throw new Error(`the dictionary ${id} of a column is missing`);
    const entry = (row: number): number => {
      const k = Number(indices[row]!);
      if (k < 0 || k >= dictionary.length)
        throw new Error(`a value is entry ${k} of a dictionary that has ${dictionary.length}`);
      return k;
    };
    return {
      length,
      isMissing: (row) => isMissing(row) || dictionary.isMissing(entry(row)),
      value: (row) => (isMissing(row) ? null : dictionary.value(entry(row))),
    };
  }
}
