import { firstAbove } from '../../core/first-above.js';
import { type ArrowColumn, type ColumnParts, elements, offsetsOf, wide } from './arrow-column.js';
import type { ArrowField } from './arrow-schema.js';

/**
 * A column whose values are made from those of its children.
 *
 * @param inner - The columns of the children.
 * @throws Error if they do not fit together
 */
export function nestedColumn(
  field: ArrowField,
  inner: readonly ArrowColumn[],
  parts: ColumnParts,
): ArrowColumn {
  const { type, children } = field;
  const { length, isMissing, buffers } = parts;
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
    case 'union':
      return made(unionValue(type, inner, length, buffers));
    case 'runEnds':
      return { length, isMissing, value: runValue(children, inner) };
    default: {
      const [values] = inner;
      if (!values) throw new Error('a list has no values');
      return made(listValue(field, values, parts));
    }
  }
}

/** The lists, or objects of a map, by row. */
function listValue(
  { type }: ArrowField,
  values: ArrowColumn,
  { length, buffers }: ColumnParts,
): (row: number) => unknown {
  const [first, second] = buffers;
  switch (type.kind) {
    case 'list': {
      const offsets = offsetsOf(first, length, { isLarge: type.isLarge, limit: values.length });
      return (row) => listOf(values, offsets[row]!, offsets[row + 1]!);
    }
    case 'listView': {
      const numbers = (buffer: Uint8Array | undefined) =>
        type.isLarge ? wide(buffer, length) : elements(Int32Array, buffer, length);
      const [starts, sizes] = [numbers(first), numbers(second)];
      return (row) => {
        const [from, size] = [starts[row]!, sizes[row]!];
        if (from < 0 || size < 0 || from + size > values.length)
          throw new Error('a list lies outside of its values');
        return listOf(values, from, from + size);
      };
    }
    case 'fixedList': {
      const { size } = type;
      checkLength(values, length * size);
      return (row) => listOf(values, row * size, (row + 1) * size);
    }
    case 'map': {
      const [keys, contents] = values.fields ?? [];
      if (!keys || !contents) throw new Error('a map has no keys');
      const offsets = offsetsOf(first, length, { isLarge: false, limit: values.length });
      return (row) => {
        const [from, to] = [offsets[row]!, offsets[row + 1]!];
        return Object.fromEntries(
          Array.from({ length: to - from }, (_, k) => [
            String(keys.value(from + k)),
            contents.value(from + k),
          ]),
        );
      };
    }
    default:
      throw new Error(`a column of the type ${type.kind} has children`);
  }
}

/** Lists of numbers become typed arrays, unless an element is missing. */
function listOf(values: ArrowColumn, from: number, to: number): unknown {
  if (values.numbers && !hasMissing(values, from, to)) return values.numbers(from, to);
  const list: unknown[] = [];
  for (let k = from; k < to; k++) list.push(values.value(k));
  return list;
}

function hasMissing(values: ArrowColumn, from: number, to: number): boolean {
  for (let k = from; k < to; k++) if (values.isMissing(k)) return true;
  return false;
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
function runValue([field]: readonly ArrowField[], [ends, values]: readonly ArrowColumn[]) {
  if (field?.type.kind !== 'int' || !ends?.numbers || !values)
    throw new Error('the ends of runs are not integers');
  const bounds = Float64Array.from<number | bigint>(ends.numbers(0, ends.length), Number);
  return (row: number): unknown => {
    const run = firstAbove(bounds, row);
    if (run >= values.length) throw new Error('the runs of a column end before its last row');
    return values.value(run);
  };
}

function checkLength(column: ArrowColumn, length: number): void {
  if (column.length < length) throw new Error(`a part of a column has ${column.length} of ${length} values`);
}
