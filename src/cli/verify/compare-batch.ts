import { createHash } from 'node:crypto';
import { dtypeOf, isBigIntDType } from '../../core/dtype.js';
import { isTensor, type Tensor, tensor } from '../../core/tensor.js';
import type { DumpedBytes, DumpedTensor, DumpedValue } from './dump-file.js';

/** The first difference between two batches. */
export interface Difference {
  /** Path within the batch: `labels[3]`; empty for the whole. */
  readonly path: string;
  readonly dumped: string;
  readonly here: string;
}

export interface CompareOptions {
  /** Whether dtypes may differ if the numbers are equal. */
  readonly valuesOnly: boolean;
}

/** Returns the first difference between a batch and a dumped one, or `undefined` if they are equal. */
export function compareBatch(
  here: unknown,
  dumped: DumpedValue,
  options: CompareOptions,
): Difference | undefined {
  return compareValue(here, dumped, '', options);
}

function compareValue(
  here: unknown,
  dumped: DumpedValue,
  path: string,
  options: CompareOptions,
): Difference | undefined {
  if (isList(dumped)) return compareList(here, dumped, path, options);
  if (typeof dumped !== 'object' || dumped === null) {
    return isSameScalar(here, dumped) ? undefined : { path, dumped: show(dumped), here: show(here) };
  }
  if ('fields' in dumped) return compareFields(here, dumped.fields, path, options);
  if ('bytes' in dumped) return compareBytes(here, dumped, path);
  return compareTensor(here, dumped, path, options);
}

function isList(dumped: DumpedValue): dumped is readonly DumpedValue[] {
  return Array.isArray(dumped);
}

function compareList(
  here: unknown,
  dumped: readonly DumpedValue[],
  path: string,
  options: CompareOptions,
): Difference | undefined {
  const items = Array.isArray(here) ? here : isIndexList(here) ? Array.from(elementsOf(here)) : undefined;
  if (!items) return { path, dumped: `a list of ${dumped.length}`, here: show(here) };
  if (items.length !== dumped.length) {
    return { path, dumped: `${dumped.length} entries`, here: `${items.length} entries` };
  }
  return firstOf(dumped, (value, i) => compareValue(items[i], value, `${path}[${i}]`, options));
}

/** Sample ids are a tensor or a typed array of one dimension. */
function isIndexList(value: unknown): value is Tensor | Int32Array {
  return isTensor(value) ? value.shape.length === 1 : dtypeOf(value) !== undefined;
}

function elementsOf(value: Tensor | Int32Array): ArrayLike<number | bigint> {
  return isTensor(value) ? value.data : value;
}

function compareFields(
  here: unknown,
  fields: Readonly<Record<string, DumpedValue>>,
  path: string,
  options: CompareOptions,
): Difference | undefined {
  const names = Object.keys(fields);
  if (typeof here !== 'object' || here === null || Array.isArray(here) || isTensor(here)) {
    return { path, dumped: `the fields ${names.join(', ')}`, here: show(here) };
  }
  const own = Object.keys(here);
  if (own.length !== names.length || names.some((name) => !own.includes(name))) {
    return { path, dumped: `the fields ${names.join(', ')}`, here: `the fields ${own.join(', ')}` };
  }
  const values = new Map<string, unknown>(Object.entries(here));
  return firstOf(Object.entries(fields), ([name, dumped]) =>
    compareValue(values.get(name), dumped, path ? `${path}.${name}` : name, options),
  );
}

function compareBytes(here: unknown, { bytes, length }: DumpedBytes, path: string): Difference | undefined {
  if (!(here instanceof ArrayBuffer)) return { path, dumped: `${length} bytes`, here: show(here) };
  if (here.byteLength !== length)
    return { path, dumped: `${length} bytes`, here: `${here.byteLength} bytes` };
  const own = sha256(new Uint8Array(here));
  return own === bytes
    ? undefined
    : { path, dumped: `bytes of SHA-256 ${bytes}`, here: `bytes of SHA-256 ${own}` };
}

function compareTensor(
  given: unknown,
  dumped: DumpedTensor,
  path: string,
  { valuesOnly }: CompareOptions,
): Difference | undefined {
  const here = dtypeOf(given) ? tensor(given as Int32Array) : given;
  if (!isTensor(here))
    return { path, dumped: `a tensor ${dumped.dtype} [${dumped.shape}]`, here: show(here) };
  if (here.dtype !== dumped.dtype && !valuesOnly) {
    return { path, dumped: `the dtype ${dumped.dtype}`, here: `the dtype ${here.dtype}` };
  }
  if (String(here.shape) !== String(dumped.shape)) {
    return { path, dumped: `the shape [${dumped.shape}]`, here: `the shape [${here.shape}]` };
  }
  if (dumped.data) return compareElements(here, dumped.data, path);
  if (here.dtype !== dumped.dtype) {
    return {
      path,
      dumped: `${dumped.dtype}, without its elements`,
      here: `${here.dtype}: only the same dtype can be compared`,
    };
  }
  const own = sha256(bytesOf(here));
  if (own === dumped.sha256) return undefined;
  return { path, dumped: `elements of SHA-256 ${dumped.sha256}`, here: `elements of SHA-256 ${own}` };
}

function compareElements(
  here: Tensor,
  dumped: readonly (number | string | boolean)[],
  path: string,
): Difference | undefined {
  return firstOf(dumped, (value, i) => {
    const own: number | bigint = here.data[i]!;
    if (isSameNumber(own, Number(value)) && (typeof own !== 'bigint' || own === exact(value)))
      return undefined;
    return { path: `${path}${placeOf(i, here.shape)}`, dumped: String(value), here: String(own) };
  });
}

/** Integers above 2^53 - 1 are strings, to stay exact. */
function exact(value: number | string | boolean): bigint | undefined {
  return Number.isFinite(Number(value)) && Number.isInteger(Number(value)) ? BigInt(value) : undefined;
}

function isSameScalar(here: unknown, dumped: boolean | number | string | null): boolean {
  if (typeof here === 'bigint') return here === exact(dumped ?? '');
  if (typeof here === 'number') return typeof dumped !== 'boolean' && isSameNumber(here, Number(dumped));
  return here === dumped;
}

function isSameNumber(here: number | bigint, dumped: number): boolean {
  const own = Number(here);
  return own === dumped || (Number.isNaN(own) && Number.isNaN(dumped));
}

/** The coordinates `[1][2]` of a flat position. */
function placeOf(position: number, shape: readonly number[]): string {
  let rest = position;
  const indices = [...shape].reverse().map((size) => {
    const index = rest % size;
    rest = Math.floor(rest / size);
    return index;
  });
  return indices
    .reverse()
    .map((index) => `[${index}]`)
    .join('');
}

/** The elements as bytes, little-endian. */
function bytesOf({ data, dtype }: Tensor): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  if (isLittleEndian || data.BYTES_PER_ELEMENT === 1) return bytes;
  const swapped = Buffer.from(bytes);
  if (isBigIntDType(dtype) || dtype === 'float64') return swapped.swap64();
  return data.BYTES_PER_ELEMENT === 4 ? swapped.swap32() : swapped.swap16();
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function firstOf<T>(
  values: readonly T[],
  compare: (value: T, i: number) => Difference | undefined,
): Difference | undefined {
  for (const [i, value] of values.entries()) {
    const difference = compare(value, i);
    if (difference) return difference;
  }
  return undefined;
}

function show(value: unknown): string {
  if (isTensor(value)) return `a tensor ${value.dtype} [${value.shape}]`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  return `an object with the fields ${Object.keys(value).join(', ')}`;
}
