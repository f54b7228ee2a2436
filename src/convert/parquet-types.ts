import type { Dataset } from '../core/dataset.js';
import { type DType, dtypeOf } from '../core/dtype.js';
import { ConfigError, FormatError } from '../core/errors.js';
import { isRecord } from '../core/record.js';
import { isTensor } from '../core/tensor.js';
import { sampleContext } from '../random/sample-context.js';

const scalarTypes = [
  'bool',
  'int32',
  'int64',
  'float32',
  'float64',
  'string',
  'binary',
  'timestamp',
  'json',
] as const;

export type ScalarType = (typeof scalarTypes)[number];

/** Type of a column of a Parquet file; any value may be missing. Lists may be nested: `list<list<float32>>`. */
export type ParquetType = ScalarType | `list<${string}>`;

/** A column of the output files. */
export interface TypedColumn {
  readonly name: string;
  readonly type: ParquetType;
}

/** Element type of a list that was empty in every sample examined. */
const nothing = 'nothing';
type FoundType = ParquetType | typeof nothing;
/** Number of rows that determine the types of columns. */
const lookedAt = 1_000;

/**
 * Determines the columns of a dataset and their types from its first 1,000 samples. A sample that is not an object
 * becomes one column: `text`, `tokens` or `value`.
 *
 * @param given - Known types.
 * @throws {@link ConfigError} for an unknown type name; {@link FormatError} if two samples contradict each other.
 */
export async function columnsOf(
  dataset: Dataset<unknown>,
  given: Readonly<Record<string, string>>,
): Promise<TypedColumn[]> {
  const fixed = new Map(Object.entries(given).map(([name, type]) => [name, checkedType(name, type)]));
  const types = new Map<string, FoundType | undefined>();
  for (let index = 0; index < Math.min(lookedAt, dataset.length); index++) {
    for (const [name, value] of Object.entries(rowOf(await dataset.get(index, sampleContext(index))))) {
      types.set(name, fixed.get(name) ?? widened(types.get(name), typeOf(value), name, index));
    }
  }
  for (const [name, type] of fixed) if (!types.has(name)) types.set(name, type);
  // A column without values has an unknown type; text can represent any value.
  return Array.from(types, ([name, type = 'string']) => ({ name, type: settled(type) }));
}

/** The type to write: a list that was always empty is one of integers. */
function settled(type: FoundType): ParquetType {
  if (type === nothing) return 'int64';
  return isList(type) ? `list<${settled(elementType(type))}>` : type;
}

/** Returns a sample as a row. */
export function rowOf(sample: unknown): Readonly<Record<string, unknown>> {
  if (typeof sample === 'string') return { text: sample };
  if (isTensor(sample)) return { tokens: sample };
  const isRow = isRecord(sample) && !ArrayBuffer.isView(sample) && !(sample instanceof Date);
  return isRow ? sample : { value: sample };
}

function checkedType(name: string, type: string): ParquetType {
  if (isParquetType(type)) return type;
  throw new ConfigError('convert options', [
    { field: `types.${name}`, message: `${type} is not one of ${scalarTypes.join(', ')}, list<…>` },
  ]);
}

function isParquetType(type: string): type is ParquetType {
  const inner = /^(?:list<)*([a-z0-9]+)>*$/.exec(type)?.[1];
  const depth = type.split('list<').length - 1;
  return scalarTypes.some((scalar) => scalar === inner) && type.split('>').length - 1 === depth;
}

const byDType: Readonly<Record<DType, ScalarType>> = {
  bool: 'bool',
  int8: 'int32',
  int16: 'int32',
  int32: 'int32',
  uint8: 'int32',
  uint16: 'int32',
  uint32: 'int64',
  int64: 'int64',
  uint64: 'int64',
  float32: 'float32',
  float64: 'float64',
};

/** The type of a value; `undefined` if it is missing. */
function typeOf(value: unknown): ParquetType | undefined {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int64';
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'int64' : 'float64';
    case 'string':
      return 'string';
    default:
  }
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return 'timestamp';
  // A Uint8Array is bytes; a uint8 tensor is a list of numbers.
  if (value instanceof Uint8Array) return 'binary';
  if (isTensor(value))
    return value.shape.reduce<ParquetType>((type) => `list<${type}>`, byDType[value.dtype]);
  const dtype = dtypeOf(value);
  if (dtype) return `list<${byDType[dtype]}>`;
  return Array.isArray(value) ? typeOfList(value) : 'json';
}

function typeOfList(values: readonly unknown[]): ParquetType {
  let type: FoundType | undefined;
  for (const value of values) {
    const own = typeOf(value);
    const both = type && own ? common(type, own) : (type ?? own);
    if ((type || own) && !both) return 'json';
    type = both;
  }
  return type === 'json' ? 'json' : `list<${type ?? nothing}>`;
}

/** The type that can represent the values of both; `undefined` if there is none. */
function common(a: FoundType, b: FoundType): FoundType | undefined {
  if (a === b || b === nothing) return a;
  if (a === nothing) return b;
  const order: readonly ParquetType[] = ['int32', 'int64', 'float64'];
  const [low, high] = [order.indexOf(a), order.indexOf(b)];
  if (low >= 0 && high >= 0) return order[Math.max(low, high)];
  if (isList(a) && isList(b)) {
    const inner = common(elementType(a), elementType(b));
    return inner && `list<${inner}>`;
  }
  return a === 'json' || b === 'json' ? jsonOf(a, b) : undefined;
}

/** Lists and objects are both JSON. Text beside objects is more likely a mistake. */
function jsonOf(a: ParquetType, b: ParquetType): ParquetType | undefined {
  const other = a === 'json' ? b : a;
  return isList(other) ? 'json' : undefined;
}

function widened(
  known: FoundType | undefined,
  type: FoundType | undefined,
  column: string,
  index: number,
): FoundType | undefined {
  if (!known || !type) return known ?? type;
  const both = common(known, type);
  if (both) return both;
  throw new FormatError(`The column ${column} is ${known} in one sample and ${type} in another`, {
    where: { column, index },
    next: `Set its type with { types: { ${column}: 'json' } } (--types ${column}=json).`,
  });
}

/** A list, whose elements may be lists. */
type ListType = `list<${string}>`;

export function isList(type: string): type is ListType {
  return type.startsWith('list<');
}

/** Element type of a list. */
export function elementType(list: ListType): ParquetType {
  return list.slice('list<'.length, -1) as ParquetType;
}
