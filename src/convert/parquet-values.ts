import type { SchemaElement } from 'hyparquet';
import { isTypedArray } from '../core/dtype.js';
import { isTensor, row } from '../core/tensor.js';
import { elementType, isList, type ParquetType, type ScalarType, type TypedColumn } from './parquet-types.js';

/** Returns the schema of a file with these columns. */
export function schemaOf(columns: readonly TypedColumn[]): SchemaElement[] {
  return [
    { name: 'root', num_children: columns.length },
    ...columns.flatMap(({ name, type }) => elementsOf(name, type)),
  ];
}

function elementsOf(name: string, type: ParquetType): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const;
  if (!isList(type)) return [{ ...optional, ...physical[type] }];
  return [
    { ...optional, converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...elementsOf('element', elementType(type)),
  ];
}

const physical: Readonly<Record<ScalarType, Pick<SchemaElement, 'type' | 'converted_type'>>> = {
  bool: { type: 'BOOLEAN' },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  float32: { type: 'FLOAT' },
  float64: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  binary: { type: 'BYTE_ARRAY' },
  timestamp: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
  json: { type: 'BYTE_ARRAY', converted_type: 'JSON' },
};

/** Converts a value for the writer; `undefined` if it does not have the type, `null` if it is missing. */
export function writable(value: unknown, type: ParquetType): unknown {
  if (value === null || value === undefined) return null;
  if (isList(type)) return writableList(value, elementType(type));
  const scalar = isTensor(value) && value.shape.length === 0 ? value.data[0] : value;
  switch (type) {
    case 'bool':
      return typeof scalar === 'boolean' ? scalar : isTensor(value) ? Boolean(scalar) : undefined;
    case 'int32':
      return isWhole(scalar) && Math.abs(Number(scalar)) < 2 ** 31 ? Number(scalar) : undefined;
    case 'int64':
      return isWhole(scalar) && fits64(BigInt(scalar)) ? BigInt(scalar) : undefined;
    case 'float32':
    case 'float64':
      return typeof scalar === 'number' || typeof scalar === 'bigint' ? Number(scalar) : undefined;
    case 'string':
      return typeof scalar === 'string' ? scalar : undefined;
    case 'binary':
      return scalar instanceof Uint8Array ? scalar : undefined;
    case 'timestamp':
      return scalar instanceof Date ? scalar : undefined;
    case 'json':
      return value;
  }
}

function writableList(value: unknown, inner: ParquetType): unknown {
  const values = listOf(value);
  if (!values) return undefined;
  const made = values.map((element) => writable(element, inner));
  return made.includes(undefined) ? undefined : made;
}

function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (isTensor(value)) {
    if (value.shape.length <= 1) {
      const elements = Array.from<number | bigint>(value.data);
      return value.dtype === 'bool' ? elements.map(Boolean) : elements;
    }
    return Array.from({ length: value.shape[0]! }, (_, k) => row(value, k));
  }
  return isTypedArray(value) ? Array.from<number | bigint>(value) : undefined;
}

function isWhole(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || Number.isSafeInteger(value);
}

function fits64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}
