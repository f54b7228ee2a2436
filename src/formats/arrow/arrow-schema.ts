// What an Arrow schema says, https://github.com/apache/arrow/blob/main/format/Schema.fbs.
import type { FlatTable } from './flat-buffer.js';

export type TimeUnit = 'SECOND' | 'MILLISECOND' | 'MICROSECOND' | 'NANOSECOND';

/** The type of a column, without its children. */
export type ArrowType =
  | { readonly kind: 'null' | 'bool' | 'struct' | 'map' | 'runEnds' }
  | { readonly kind: 'int'; readonly bits: number; readonly isSigned: boolean }
  | { readonly kind: 'float'; readonly bits: number }
  | { readonly kind: 'bytes'; readonly layout: 'offsets' | 'large' | 'views' }
  /** With `isJson`, the extension type `arrow.json`: each text is a value as JSON. */
  | { readonly kind: 'text'; readonly layout: 'offsets' | 'large' | 'views'; readonly isJson?: boolean }
  | { readonly kind: 'fixedBytes'; readonly width: number }
  | { readonly kind: 'decimal'; readonly bits: number; readonly precision: number; readonly scale: number }
  | { readonly kind: 'date'; readonly unit: 'DAY' | 'MILLISECOND' }
  | { readonly kind: 'time'; readonly unit: TimeUnit; readonly bits: number }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly zone: string }
  | { readonly kind: 'duration'; readonly unit: TimeUnit }
  | { readonly kind: 'interval'; readonly unit: 'YEAR_MONTH' | 'DAY_TIME' | 'MONTH_DAY_NANO' }
  | { readonly kind: 'list' | 'listView'; readonly isLarge: boolean }
  | { readonly kind: 'fixedList'; readonly size: number }
  | { readonly kind: 'union'; readonly isDense: boolean; readonly typeIds: readonly number[] };

export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
  readonly children: readonly ArrowField[];
  /** For a column of dictionary indices, whose dictionary has the type. */
  readonly dictionary:
    | { readonly id: bigint; readonly index: ArrowType & { readonly kind: 'int' } }
    | undefined;
}

const maxDepth = 64;
const timeUnits = ['SECOND', 'MILLISECOND', 'MICROSECOND', 'NANOSECOND'] as const;
const intervalUnits = ['YEAR_MONTH', 'DAY_TIME', 'MONTH_DAY_NANO'] as const;

/** Reads the columns of a schema. @throws Error if it is damaged, big-endian, or has an unsupported type */
export function fieldsOf(schema: FlatTable): ArrowField[] {
  if (schema.int16(0) !== 0) throw new Error('its numbers are big-endian, which is not supported');
  // Offsets could describe a tree with more fields than bytes.
  let left = 100_000;
  const fieldOf = (table: FlatTable, depth: number): ArrowField => {
    if (left-- <= 0 || depth > maxDepth) throw new Error('its schema is nested too deeply');
    const children = table.tables(5).map((child) => fieldOf(child, depth + 1));
    const encoding = table.table(4);
    const index = encoding?.table(1);
    const dictionary = encoding && {
      id: encoding.id(0),
      index: index ? intOf(index) : { kind: 'int' as const, bits: 32, isSigned: true },
    };
    const stored = typeOf(table.int8(2), table.table(3), table.text(0));
    const isJson =
      stored.kind === 'text' && metadataIn(table.tables(6)).get('ARROW:extension:name') === 'arrow.json';
    const type = isJson ? { ...stored, isJson } : stored;
    checkChildren(type, children);
    return { name: table.text(0), type, children, dictionary };
  };
  return schema.tables(1).map((table) => fieldOf(table, 0));
}

/** Key-value metadata of a schema. */
export function metadataOf(schema: FlatTable): ReadonlyMap<string, string> {
  return metadataIn(schema.tables(2));
}

function metadataIn(entries: readonly FlatTable[]): ReadonlyMap<string, string> {
  return new Map(entries.map((entry) => [entry.text(0), entry.text(1)]));
}

function typeOf(id: number, table: FlatTable | undefined, name: string): ArrowType {
  if (!table) throw new Error(`the column ${name} has no type`);
  switch (id) {
    case 1:
      return { kind: 'null' };
    case 2:
      return intOf(table);
    case 3:
      return { kind: 'float', bits: pick([16, 32, 64], table.int16(0)) };
    case 4:
      return { kind: 'bytes', layout: 'offsets' };
    case 5:
      return { kind: 'text', layout: 'offsets' };
    case 6:
      return { kind: 'bool' };
    case 7:
      return {
        kind: 'decimal',
        precision: table.int32(0),
        scale: table.int32(1),
        bits: oneOf([32, 64, 128, 256], table.int32(2, 128)),
      };
    case 8:
      return { kind: 'date', unit: pick(['DAY', 'MILLISECOND'] as const, table.int16(0, 1)) };
    case 9:
      return {
        kind: 'time',
        unit: pick(timeUnits, table.int16(0, 1)),
        bits: oneOf([32, 64], table.int32(1, 32)),
      };
    case 10:
      return { kind: 'timestamp', unit: pick(timeUnits, table.int16(0)), zone: table.text(1) };
    case 11:
      return { kind: 'interval', unit: pick(intervalUnits, table.int16(0)) };
    case 12:
    case 21:
      return { kind: 'list', isLarge: id === 21 };
    case 13:
      return { kind: 'struct' };
    case 14:
      return { kind: 'union', isDense: table.int16(0) === 1, typeIds: table.int32s(1) };
    case 15:
      return { kind: 'fixedBytes', width: size(table.int32(0)) };
    case 16:
      return { kind: 'fixedList', size: size(table.int32(0)) };
    case 17:
      return { kind: 'map' };
    case 18:
      return { kind: 'duration', unit: pick(timeUnits, table.int16(0, 1)) };
    case 19:
      return { kind: 'bytes', layout: 'large' };
    case 20:
      return { kind: 'text', layout: 'large' };
    case 22:
      return { kind: 'runEnds' };
    case 23:
      return { kind: 'bytes', layout: 'views' };
    case 24:
      return { kind: 'text', layout: 'views' };
    case 25:
    case 26:
      return { kind: 'listView', isLarge: id === 26 };
    default:
      throw new Error(`the column ${name} has the unsupported type ${id}`);
  }
}

/** How many children a type has, where it says so. */
const childCounts: ReadonlyMap<ArrowType['kind'], number> = new Map([
  ['list', 1],
  ['listView', 1],
  ['fixedList', 1],
  ['map', 1],
  ['runEnds', 2],
]);

function checkChildren(type: ArrowType, children: readonly ArrowField[]): void {
  const needed = childCounts.get(type.kind);
  if (needed !== undefined && children.length !== needed) throw new Error('its schema is damaged');
  if (type.kind === 'map' && children[0]!.children.length !== 2) throw new Error('its schema is damaged');
}

function intOf(table: FlatTable): ArrowType & { readonly kind: 'int' } {
  return { kind: 'int', bits: oneOf([8, 16, 32, 64], table.int32(0)), isSigned: table.int8(1) !== 0 };
}

function pick<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new Error(`a type has the unknown unit ${index}`);
  return value;
}

function oneOf(values: readonly number[], value: number): number {
  if (!values.includes(value)) throw new Error(`a type has ${value} bits`);
  return value;
}

function size(value: number): number {
  if (value < 0) throw new Error(`a type has the size ${value}`);
  return value;
}

/** A readable name of a type: `List<Int32>`. */
export function typeText({ type, children, dictionary }: ArrowField): string {
  const text = plainTypeText(type, children);
  return dictionary ? `Dictionary<${plainTypeText(dictionary.index, [])}, ${text}>` : text;
}

function plainTypeText(type: ArrowType, children: readonly ArrowField[]): string {
  const inner = () => children.map(typeText).join(' | ');
  const fields = (list: readonly ArrowField[]) =>
    `<{${list.map((field) => `${field.name}:${typeText(field)}`).join(', ')}}>`;
  switch (type.kind) {
    case 'null':
      return 'Null';
    case 'bool':
      return 'Bool';
    case 'int':
      return `${type.isSigned ? 'Int' : 'Uint'}${type.bits}`;
    case 'float':
      return `Float${type.bits}`;
    case 'bytes':
      return { offsets: 'Binary', large: 'LargeBinary', views: 'BinaryView' }[type.layout];
    case 'text':
      return { offsets: 'Utf8', large: 'LargeUtf8', views: 'Utf8View' }[type.layout];
    case 'fixedBytes':
      return `FixedSizeBinary[${type.width}]`;
    case 'decimal':
      return `Decimal[${type.precision}e${type.scale > 0 ? '+' : ''}${type.scale}]`;
    case 'date':
      return `Date${type.unit === 'DAY' ? 32 : 64}<${type.unit}>`;
    case 'time':
      return `Time${type.bits}<${type.unit}>`;
    case 'timestamp':
      return `Timestamp<${type.unit}${type.zone ? `, ${type.zone}` : ''}>`;
    case 'duration':
      return `Duration<${type.unit}>`;
    case 'interval':
      return `Interval<${type.unit}>`;
    case 'list':
      return `${type.isLarge ? 'Large' : ''}List<${inner()}>`;
    case 'listView':
      return `${type.isLarge ? 'Large' : ''}ListView<${inner()}>`;
    case 'fixedList':
      return `FixedSizeList[${type.size}]<${inner()}>`;
    case 'struct':
      return `Struct${fields(children)}`;
    case 'map':
      return `Map${fields(children[0]!.children)}`;
    case 'union':
      return `${type.isDense ? 'Dense' : 'Sparse'}Union<${inner()}>`;
    case 'runEnds':
      return `RunEndEncoded<${inner()}>`;
  }
}
