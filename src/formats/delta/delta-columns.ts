import { FormatError } from '../../core/errors.js';
import { ownValue } from '../../core/record.js';
import { messageOf } from '../../core/thrown.js';
import type { NestedFields, TableField } from '../tables/table-schema.js';
import { type DeltaMetadata, mappingMode } from './delta-protocol.js';

/** A type in a schema: the name of a primitive one, or a nested one. */
type DeltaType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly DeltaField[] }
  | { readonly type: 'array'; readonly elementType: DeltaType }
  | { readonly type: 'map'; readonly keyType: DeltaType; readonly valueType: DeltaType };

interface DeltaField {
  readonly name: string;
  readonly type: DeltaType;
  readonly metadata?: Readonly<Record<string, unknown>> | null;
}

/** A column of a table. */
export interface DeltaColumn extends TableField {
  /** Its name in partition values and statistics of the log. */
  readonly logName: string;
}

/** The columns of a table. @throws {@link FormatError} */
export function columnsOfTable(table: string, metadata: DeltaMetadata): readonly DeltaColumn[] {
  const mode = mappingMode(metadata);
  try {
    const { fields } = JSON.parse(metadata.schemaString) as { fields: readonly DeltaField[] };
    return fields.map((field) => ({
      ...fieldOf(field, mode),
      logName: mode === 'none' ? field.name : mapped<string>(field, 'physicalName', 'string'),
    }));
  } catch (cause) {
    throw new FormatError(`The schema of the Delta table is damaged: ${messageOf(cause)}`, {
      where: { table },
      next: 'Copy the table again, with all of _delta_log.',
      cause,
    });
  }
}

function fieldOf(field: DeltaField, mode: string): TableField {
  const { name, type } = field;
  const stored =
    mode === 'id'
      ? mapped<number>(field, 'id', 'number')
      : mode === 'name'
        ? mapped<string>(field, 'physicalName', 'string')
        : name;
  return { ...typeOf(type, mode), name, stored };
}

function typeOf(type: DeltaType, mode: string): Pick<TableField, 'type' | 'nested' | 'physical'> {
  if (typeof type !== 'string') return { type: 'nested', nested: nestedOf(type, mode) };
  const physical = ownValue(physicalTypes, type.replace(/\(.*/, ''));
  return { type, ...(physical && { physical }) };
}

function nestedOf(type: Exclude<DeltaType, string>, mode: string): NestedFields {
  const part = (inner: DeltaType): TableField => ({ ...typeOf(inner, mode), name: '', stored: '' });
  if (type.type === 'array') return { kind: 'list', element: part(type.elementType) };
  if (type.type === 'map') return { kind: 'map', value: part(type.valueType) };
  return { kind: 'struct', fields: type.fields.map((field) => fieldOf(field, mode)) };
}

function mapped<T extends string | number>({ name, metadata }: DeltaField, key: string, type: string): T {
  const value = ownValue(metadata ?? {}, `delta.columnMapping.${key}`);
  if (typeof value !== type) throw new Error(`the column ${name} has no delta.columnMapping.${key}`);
  return value as T;
}

/** The Parquet types that store a type. */
const physicalTypes: Readonly<Record<string, readonly string[]>> = {
  byte: ['INT32'],
  short: ['INT32'],
  integer: ['INT32'],
  long: ['INT64'],
  float: ['FLOAT'],
  double: ['DOUBLE'],
  boolean: ['BOOLEAN'],
  string: ['BYTE_ARRAY'],
  binary: ['BYTE_ARRAY'],
  date: ['INT32'],
  timestamp: ['INT64', 'INT96'],
  timestamp_ntz: ['INT64', 'INT96'],
  decimal: ['INT32', 'INT64', 'FIXED_LEN_BYTE_ARRAY', 'BYTE_ARRAY'],
};

/**
 * The value of a partition column, which the log stores as text. An empty text is a missing value.
 *
 * @throws {@link FormatError} for a type that is not read, or a text that does not have it
 */
export function partitionValue(
  table: string,
  { name, type }: DeltaColumn,
  text: string | null | undefined,
): unknown {
  if (text === null || text === undefined || text === '') return null;
  const value = parserOf(type)?.(text);
  if (value !== undefined && !Number.isNaN(value instanceof Date ? value.getTime() : 0)) return value;
  throw new FormatError(
    `The partition column ${name} of the Delta table has a value that is not read: ${text}`,
    {
      where: { table, column: name, type },
      next: 'Write a copy of the table that is partitioned by a column of another type.',
    },
  );
}

function parserOf(type: string): ((text: string) => unknown) | undefined {
  if (type === 'string') return (text) => text;
  if (type === 'long') return (text) => (/^-?\d+$/.test(text) ? BigInt(text) : undefined);
  if (type === 'boolean') return (text) => (text === 'true' ? true : text === 'false' ? false : undefined);
  if (type === 'date') return (text) => new Date(`${text}T00:00:00Z`);
  if (type.startsWith('timestamp'))
    return (text) => new Date(/[Zz]|[+-]\d\d:\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
  const isNumber = /^(byte|short|integer|float|double|decimal\(\d+,\s*-?\d+\))$/.test(type);
  return isNumber ? (text) => (Number.isNaN(Number(text)) ? undefined : Number(text)) : undefined;
}
