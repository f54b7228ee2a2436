// Columns of a record batch, https://arrow.apache.org/docs/format/Columnar.html#physical-memory-layout. Lengths and offsets are checked
// when a column is made, so that reading a row touches nothing outside of it.
import { firstAbove } from '../../core/first-above.js';
import { type ArrowColumn, elements, missingBy, offsetsOf, wide } from './arrow-column.js';
import type { BatchHeader } from './arrow-message.js';
import { integers, scalarColumn } from './arrow-scalars.js';
import type { ArrowField } from './arrow-schema.js';

/** Number of nodes and buffers of a column. */
export interface Extent {
  readonly nodes: number;
  readonly buffers: number;
  readonly variadicCounts: number;
}

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
    const made = (present: (row: number) => unknown): ArrowColumn => ({
      length,
      isMissing,
      value: (row) => (isMissing(row) ? null : present(row)),
    });
    switch (type.kind) {
      case 'struct': {
        for (const child of inner) checkLength(child, length);
        const names = children.map(({ name }) => name);
        const value = (row: number) =>
          Object.fromEntries(inner.map((child, k) => [names[k]!, child.value(row)]));
        return { ...made(value), fields: inner };
      }
      case 'list': {
        const offsets = offsetsOf(buffers[0], length, { isLarge: type.isLarge, limit: inner[0]!.length });
        return made((row) => listOf(inner[0]!, offsets[row]!, offsets[row + 1]!));
      }
      case 'listView': {
        const [starts, sizes] = [0, 1].map((k) =>
          type.isLarge ? wide(buffers[k], length) : elements(Int32Array, buffers[k], length),
        );
        return made((row) => {
          const [from, size] = [starts![row]!, sizes![row]!];
          if (from < 0 || size < 0 || from + size > inner[0]!.length)
            throw new Error('a list lies outside of its values');
          return listOf(inner[0]!, from, from + size);
        });
      }
      case 'fixedList':
        checkLength(inner[0]!, length * type.size);
        return made((row) => listOf(inner[0]!, row * type.size, (row + 1) * type.size));
      case 'map': {
        const [keys, values] = inner[0]!.fields ?? [];
        if (!keys || !values) throw new Error('a map has no keys');
        const offsets = offsetsOf(buffers[0], length, { isLarge: false, limit: inner[0]!.length });
        return made((row) => {
          const [from, to] = [offsets[row]!, offsets[row + 1]!];
          return Object.fromEntries(
            Array.from({ length: to - from }, (_, k) => [
              String(keys.value(from + k)),
              values.value(from + k),
            ]),
          );
        });
      }
      case 'union':
        return made(unionValue(type, inner, length, buffers));
      default:
        return { length, isMissing, value: runValue(inner as [ArrowColumn, ArrowColumn], children[0]!) };
    }
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
    {
      length,
      isMissing,
      buffers,
    }: { length: number; isMissing: (row: number) => boolean; buffers: readonly Uint8Array[] },
  ): ArrowColumn {
    const indices = integers(index as { bits: number; isSigned: boolean }, buffers[0], length);
    const dictionary = this.#dictionaries.get(id);
    if (!dictionary && length > 0) throw new Error(`the dictionary ${id} of a column is missing`);
    const entry = (row: number): number => {
      const k = Number(indices[row]!);
      if (k < 0 || k >= dictionary!.length)
        throw new Error(`a value is entry ${k} of a dictionary that has ${dictionary!.length}`);
      return k;
    };
    return {
      length,
      isMissing: (row) => isMissing(row) || dictionary!.isMissing(entry(row)),
      value: (row) => (isMissing(row) ? null : dictionary!.value(entry(row))),
    };
  }
}

/** Lists of numbers become typed arrays, unless an element is missing. */
function listOf(values: ArrowColumn, from: number, to: number): unknown {
  let isWhole = values.numbers !== undefined;
  for (let k = from; k < to && isWhole; k++) isWhole = !values.isMissing(k);
  if (isWhole) return values.numbers!(from, to);
  const list: unknown[] = [];
  for (let k = from; k < to; k++) list.push(values.value(k));
  return list;
}

function unionValue(
  { isDense, typeIds }: { readonly isDense: boolean; readonly typeIds: readonly number[] },
  children: readonly ArrowColumn[],
  length: number,
  buffers: readonly Uint8Array[],
): (row: number) => unknown {
  const types = elements(Int8Array, buffers[0], length);
  const places = isDense ? elements(Int32Array, buffers[1], length) : undefined;
  const childOf = new Map(
    (typeIds.length > 0 ? typeIds : children.map((_, k) => k)).map((id, k) => [id, children[k]]),
  );
  return (row) => {
    const child = childOf.get(types[row]!);
    const place = places ? places[row]! : row;
    if (!child || place < 0 || place >= child.length) throw new Error('a union refers to a missing value');
    return child.value(place);
  };
}

/** Run-end encoding: each value is stored once for a run of rows. */
function runValue([ends, values]: readonly [ArrowColumn, ArrowColumn], { type }: ArrowField) {
  if (type.kind !== 'int' || !ends.numbers) throw new Error('the ends of runs are not integers');
  const bounds = Float64Array.from(ends.numbers(0, ends.length) as Int32Array, Number);
  return (row: number): unknown => {
    const run = firstAbove(bounds, row);
    if (run >= values.length) throw new Error('the runs of a column end before its last row');
    return values.value(run);
  };
}

function checkLength(column: ArrowColumn, length: number): void {
  if (column.length < length) throw new Error(`a part of a column has ${column.length} of ${length} values`);
}
