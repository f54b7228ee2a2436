import { Buffer } from 'node:buffer';
import { isTypedArray } from '../../core/dtype.js';
import { type MaybePromise, mapError } from '../../core/maybe-promise.js';
import { MillraceError } from '../../core/millrace-error.js';
import { propertyOf } from '../../core/property-of.js';
import { isRecord, ownValue, setOwn } from '../../core/record.js';
import { messageOf } from '../../core/thrown.js';
import type { HubFeature, HubFeatures } from './features.js';
import type { RawRow } from './hub-records.js';
import { timeOf } from './time-text.js';

/** Casts a value to the type of its column. @throws Error that says why it cannot be one */
export type Cast = (value: unknown) => MaybePromise<unknown>;

/** What casting needs besides the types. */
export interface CastContext {
  /** Decodes the bytes of an image file. */
  decodeImage(bytes: Uint8Array, name: string): MaybePromise<unknown>;
  /** Whether the files store values of the declared types: those are not cast. */
  readonly isStored: boolean;
  /** Whether the types were inferred from the first rows: whole numbers may then be followed by fractions. */
  readonly isInferred: boolean;
}

/**
 * Makes rows of the declared columns, in their order. A value that is not there is `null`.
 *
 * @returns a function that throws an Error with the name of the column, for a value of another type or a column too many.
 */
export function rowCast(
  features: HubFeatures,
  context: CastContext,
): (row: RawRow) => MaybePromise<Record<string, unknown>> {
  return structCast(features, context, 'column');
}

function structCast(
  features: HubFeatures,
  context: CastContext,
  noun: string,
): (row: RawRow) => MaybePromise<Record<string, unknown>> {
  const casts = Object.entries(features).map(([name, feature]) => [name, castOf(feature, context)] as const);
  return (row) => {
    const made: Record<string, unknown> = {};
    const waiting: Promise<void>[] = [];
    let found = 0;
    for (const [name, cast] of casts) {
      const value = ownValue(row, name);
      if (value !== undefined) found++;
      const result = value === undefined || value === null ? null : within(name, () => cast(value));
      // In the order of the columns, whichever is ready first.
      setOwn(made, name, result);
      if (result instanceof Promise) waiting.push(result.then((done) => setOwn(made, name, done)));
    }
    if (found < Object.keys(row).length) {
      const extra = Object.keys(row).find(
        (name) => ownValue(features, name) === undefined && ownValue(row, name) !== undefined,
      );
      if (extra !== undefined)
        throw new Error(
          `it has the ${noun} ${extra}, and the ${noun}s are ${Object.keys(features).join(', ')}`,
        );
    }
    return waiting.length === 0 ? made : Promise.all(waiting).then(() => made);
  };
}

function within(name: string, cast: () => MaybePromise<unknown>): MaybePromise<unknown> {
  const named = (error: unknown): Error =>
    error instanceof MillraceError ? error : new Error(`${name}: ${messageOf(error)}`, { cause: error });
  return mapError(cast, named);
}

function castOf(feature: HubFeature, context: CastContext): Cast {
  switch (feature.kind) {
    case 'any':
      return (value) => value;
    case 'classLabel':
      return (value) => classNumber(value, feature.names);
    case 'image':
      return (value) => {
        const { bytes, name } = fileOf(value);
        return feature.decode ? context.decodeImage(bytes, name) : bytes;
      };
    case 'file':
      return (value) => fileOf(value).bytes;
    case 'list':
      return listCast(feature.of, context);
    case 'struct': {
      const cast = structCast(feature.fields, context, 'field');
      return (value) => {
        if (!isRecord(value)) throw mismatch(value, 'an object');
        return cast(value);
      };
    }
    default:
      return context.isStored ? (value) => value : valueCast(feature.dtype, context.isInferred);
  }
}

function listCast(of: HubFeature, context: CastContext): Cast {
  // Lists of numbers of Arrow are typed arrays.
  if (context.isStored && of.kind === 'value') return (value) => value;
  const cast = castOf(of, context);
  return (value) => {
    if (!Array.isArray(value) && !isTypedArray(value)) throw mismatch(value, 'a list');
    const made = Array.from<unknown, unknown>(value, (each) =>
      each === null || each === undefined ? null : cast(each),
    );
    return made.some((each) => each instanceof Promise) ? Promise.all(made) : made;
  };
}

/** The content of a stored file: bytes, or an object with them and the path that they come from. */
function fileOf(value: unknown): { readonly bytes: Uint8Array; readonly name: string } {
  if (value instanceof Uint8Array) return { bytes: value, name: 'a value' };
  const [bytes, path] = [propertyOf(value, 'bytes'), propertyOf(value, 'path')];
  if (bytes instanceof Uint8Array) return { bytes, name: typeof path === 'string' ? path : 'a value' };
  if (typeof path === 'string')
    throw new Error(
      `it names the file ${path} and does not hold its bytes, which Millrace does not look for elsewhere`,
    );
  throw mismatch(value, 'the bytes of a file');
}

function classNumber(value: unknown, names: readonly string[]): number {
  const known = typeof value === 'string' ? names.indexOf(value) : -1;
  const number = known >= 0 ? known : Number(value);
  const isNumber = typeof value !== 'string' || /^\s*\d+\s*$/.test(value) || known >= 0;
  // `datasets` marks a sample without a label by -1.
  if (isNumber && Number.isInteger(number) && number >= -1 && (names.length === 0 || number < names.length))
    return number;
  throw new Error(`${shown(value)} is none of the ${names.length} classes ${names.slice(0, 5).join(', ')}`);
}

const wholeNumber = /^(u?)int(8|16|32|64)$/;

function valueCast(dtype: string, isInferred: boolean): Cast {
  const [, isUnsigned, bits] = wholeNumber.exec(dtype) ?? [];
  if (bits !== undefined)
    return (value) =>
      isInferred && typeof value === 'number'
        ? value
        : whole(value, Boolean(isUnsigned), Number(bits), dtype);
  if (dtype === 'float32' || dtype === 'float') return (value) => Math.fround(number(value, dtype));
  if (dtype === 'float16' || dtype === 'halffloat') return (value) => toHalf(number(value, dtype));
  if (/^(float64|double|decimal)/.test(dtype)) return (value) => number(value, dtype);
  if (/string|utf8/.test(dtype)) return text;
  if (/binary/.test(dtype)) return bytesOf;
  if (dtype === 'bool' || dtype === 'bool_') return truth;
  if (/^(timestamp|date)/.test(dtype)) return (value) => date(value, dtype);
  if (dtype === 'null')
    return (value) => {
      throw mismatch(value, 'null, as all values at the start of the data are');
    };
  // Times of day and durations are as the file has them.
  return (value) => value;
}

function number(value: unknown, dtype: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'string') {
    const written = value
      .trim()
      .replace(/^([+-]?)inf$/i, '$1Infinity')
      .replace(/^([+-]?)infinity$/i, '$1Infinity');
    const found = written === '' ? Number.NaN : Number(written);
    if (!Number.isNaN(found) || /^nan$/i.test(written)) return found;
  }
  throw mismatch(value, `a ${dtype}`);
}

/** A whole number within the range of its type. 64-bit numbers that a `number` cannot hold are `bigint`. */
function whole(value: unknown, isUnsigned: boolean, bits: number, dtype: string): number | bigint {
  let found: bigint | undefined;
  if (typeof value === 'bigint') found = value;
  else if (typeof value === 'number' && Number.isInteger(value)) found = BigInt(value);
  else if (typeof value === 'boolean') found = BigInt(value);
  else if (typeof value === 'string' && /^\s*[+-]?\d{1,40}\s*$/.test(value))
    found = BigInt(value.trim().replace(/^\+/, ''));
  const limit = 1n << BigInt(isUnsigned ? bits : bits - 1);
  if (found === undefined || found >= limit || found < (isUnsigned ? 0n : -limit))
    throw mismatch(value, `an ${dtype}`);
  // Tables of 64-bit integers hold `bigint` throughout, as without a declaration.
  if (typeof value === 'bigint' && bits === 64) return value;
  return found >= BigInt(Number.MIN_SAFE_INTEGER) && found <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(found)
    : found;
}

/** The nearest number of 16 bits, the even one of two. */
function toHalf(value: number): number {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size === 0) return value;
  if (size >= 65_520) return Math.sign(value) * Number.POSITIVE_INFINITY;
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(size))) - 10);
  const steps = size / step;
  const floor = Math.floor(steps);
  const isUp = steps - floor > 0.5 || (steps - floor === 0.5 && floor % 2 === 1);
  return Math.sign(value) * (floor + Number(isUp)) * step;
}

const text: Cast = (value) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  throw mismatch(value, 'text');
};

const bytesOf: Cast = (value) => {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return new Uint8Array(Buffer.from(value));
  throw mismatch(value, 'bytes');
};

const truth: Cast = (value) => {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string' && /^(true|false|0|1)$/i.test(value)) return /^(true|1)$/i.test(value);
  throw mismatch(value, 'true or false');
};

const msPerUnit = new Map([
  ['s', 1_000],
  ['ms', 1],
  ['us', 1e-3],
  ['ns', 1e-6],
]);

function date(value: unknown, dtype: string): Date {
  if (value instanceof Date) return value;
  if (typeof value === 'string') {
    const unit = /\[(s|ms|us|ns)/.exec(dtype)?.[1];
    const digits =
      new Map([
        ['s', 0],
        ['ms', 3],
        ['us', 6],
      ]).get(unit ?? '') ?? 9;
    const found = timeOf(value, digits);
    if (found) return found;
  }
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  const msPerStep =
    dtype === 'date32' ? 86_400_000 : (msPerUnit.get(/\[(s|ms|us|ns)/.exec(dtype)?.[1] ?? 'ms') ?? 1);
  const found = isNumber ? new Date(Number(value) * msPerStep) : undefined;
  if (found && !Number.isNaN(found.getTime())) return found;
  throw mismatch(value, `a ${dtype}`);
}

function mismatch(value: unknown, wanted: string): Error {
  return new Error(`${shown(value)} is not ${wanted}`);
}

function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `a value of ${value.length} bytes`;
  const found =
    JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)) ??
    String(value);
  return found.length > 60 ? `${found.slice(0, 60)}…` : found;
}
