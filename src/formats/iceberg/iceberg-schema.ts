import { FormatError } from '../../core/errors.js';
import { ownValue } from '../../core/record.js';
import type { NestedFields, TableField } from '../tables/table-schema.js';
import { initialValue } from './iceberg-values.js';

/** A type in a schema: the name of a primitive one, or a nested one. */
export type IcebergType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly IcebergField[] }
  | { readonly type: 'list'; readonly element: IcebergType }
  | { readonly type: 'map'; readonly key: IcebergType; readonly value: IcebergType };

export interface IcebergField {
  readonly id: number;
  readonly name: string;
  readonly type: IcebergType;
  /** The value in files that were written before the field was added, as JSON. */
  readonly 'initial-default'?: unknown;
}

export interface IcebergSchema {
  readonly 'schema-id'?: number;
  readonly fields: readonly IcebergField[];
}

/** The field ids of no file. */
const noField = -1;

/**
 * The columns of a table, found in files by field id.
 *
 * @throws {@link FormatError} for a type that Millrace does not know
 */
export function fieldsOf(table: string, { fields }: IcebergSchema): readonly TableField[] {
  return fields.map((field) => fieldOf(table, field));
}

/** The column with an id in the first schema that has it; `undefined` if none does. @throws {@link FormatError} as {@link fieldsOf} */
export function columnWithId(
  table: string,
  schemas: readonly IcebergSchema[],
  id: number,
): TableField | undefined {
  const found = schemas.flatMap(({ fields }) => fields).find((field) => field.id === id);
  return found && fieldOf(table, found);
}

function fieldOf(table: string, field: IcebergField): TableField {
  const { id, name, type } = field;
  const made = { ...typeOf(table, type), name, stored: type === 'unknown' ? noField : id };
  const given = field['initial-default'];
  if (given === undefined || given === null) return made;
  return { ...made, initial: initialValue(table, made, given) };
}

function typeOf(
  table: string,
  type: IcebergType,
): Pick<TableField, 'type' | 'nested' | 'physical' | 'isLong'> {
  if (typeof type !== 'string') return { type: type.type, nested: nestedOf(table, type) };
  const name = /^[a-z_]+/.exec(type)?.[0] ?? type;
  const physical = ownValue(physicalTypes, name);
  if (physical) return { type, physical, ...(name === 'long' && { isLong: true }) };
  if (name === 'unknown' || name === 'variant') return { type };
  throw new FormatError(`The Iceberg table has a column of the type ${type}, which Millrace does not read`, {
    where: { table },
    next: 'Write a copy of the table without the column.',
  });
}

function nestedOf(table: string, type: Exclude<IcebergType, string>): NestedFields {
  const part = (inner: IcebergType): TableField => ({ ...typeOf(table, inner), name: '', stored: noField });
  if (type.type === 'list') return { kind: 'list', element: part(type.element) };
  if (type.type === 'map') return { kind: 'map', value: part(type.value) };
  return { kind: 'struct', fields: type.fields.map((field) => fieldOf(table, field)) };
}

/** The Parquet types that store a type, or one that was promoted to it. */
const physicalTypes: Readonly<Record<string, readonly string[]>> = {
  boolean: ['BOOLEAN'],
  int: ['INT32'],
  long: ['INT64', 'INT32'],
  float: ['FLOAT'],
  double: ['DOUBLE', 'FLOAT'],
  decimal: ['INT32', 'INT64', 'FIXED_LEN_BYTE_ARRAY', 'BYTE_ARRAY'],
  date: ['INT32'],
  time: ['INT64'],
  timestamp: ['INT64', 'INT96'],
  timestamptz: ['INT64', 'INT96'],
  timestamp_ns: ['INT64', 'INT96'],
  timestamptz_ns: ['INT64', 'INT96'],
  string: ['BYTE_ARRAY'],
  uuid: ['FIXED_LEN_BYTE_ARRAY'],
  fixed: ['FIXED_LEN_BYTE_ARRAY'],
  binary: ['BYTE_ARRAY'],
  geometry: ['BYTE_ARRAY'],
  geography: ['BYTE_ARRAY'],
};
