import type * as Arrow from 'apache-arrow';

/** A value of an Arrow column as plain data; `null` where it is missing. */
type ToPlain = (value: unknown) => unknown;

/**
 * Gives the values of an Arrow column by row as plain data, which can cross threads: lists of numbers as typed arrays, structs and maps
 * as objects, dates and timestamps as `Date`, decimals as numbers, missing ones as `null`.
 */
export function plainColumn(
  arrow: typeof Arrow,
  column: Pick<Arrow.Vector, 'type' | 'get'>,
): (row: number) => unknown {
  const plain = toPlain(arrow, column.type as Arrow.DataType);
  return (row) => plain(column.get(row));
}

function toPlain(arrow: typeof Arrow, type: Arrow.DataType): ToPlain {
  if (arrow.DataType.isDictionary(type)) return toPlain(arrow, type.dictionary as Arrow.DataType);
  const plain = presentToPlain(arrow, type);
  return (value) => (value === null || value === undefined ? null : plain(value as never));
}

function presentToPlain(arrow: typeof Arrow, type: Arrow.DataType): (value: never) => unknown {
  const { DataType } = arrow;
  // Fractions of a millisecond are cut off, as they are in a Parquet file.
  if (DataType.isDate(type) || DataType.isTimestamp(type)) return (ms: number) => new Date(ms);
  if (DataType.isDecimal(type)) return (words: Uint32Array) => Number(`${unscaled(words)}e${-type.scale}`);
  if (DataType.isStruct(type)) {
    const fields = type.children.map((field) => toPlain(arrow, field.type as Arrow.DataType));
    return (row: Entries) =>
      Object.fromEntries(Array.from(row, ([name, value], k) => [name, fields[k]!(value)]));
  }
  if (DataType.isMap(type)) {
    const inner = toPlain(arrow, type.valueType as Arrow.DataType);
    return (map: Entries) => Object.fromEntries(Array.from(map, ([key, value]) => [key, inner(value)]));
  }
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type))
    return listToPlain(arrow, type.valueType as Arrow.DataType);
  // A view of a whole batch would take that along to another thread.
  return (value: unknown) => (value instanceof Uint8Array ? value.slice() : value);
}

/** A row of a struct, or a map. */
type Entries = Iterable<readonly [key: string, value: unknown]>;

function listToPlain(arrow: typeof Arrow, type: Arrow.DataType): (list: Arrow.Vector) => unknown {
  const { DataType, Precision } = arrow;
  const plain = toPlain(arrow, type);
  const isHalf = DataType.isFloat(type) && type.precision === Precision.HALF;
  // Of these types the elements are what is stored.
  const isStored =
    DataType.isInt(type) || DataType.isFloat(type) || DataType.isTime(type) || DataType.isDuration(type);
  return (list) => {
    if (!isStored || list.nullCount > 0) return Array.from(list, plain);
    return isHalf ? Float32Array.from(list) : (list.toArray() as Uint8Array).slice();
  };
}

/** A decimal's digits: words of 32 bits from the lowest, as a two's complement. */
function unscaled(words: Uint32Array): bigint {
  let digits = 0n;
  for (let k = words.length - 1; k >= 0; k--) digits = (digits << 32n) | BigInt(words[k]!);
  return BigInt.asIntN(32 * words.length, digits);
}
