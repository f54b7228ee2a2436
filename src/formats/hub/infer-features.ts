import { isRecord, ownValue, setOwn } from '../../core/record.js';
import type { HubFeature, HubFeatures } from './features.js';
import type { RawRow } from './hub-records.js';
import { timeOf } from './time-text.js';

const value = (dtype: string): HubFeature => ({ kind: 'value', dtype });

/**
 * The types of the columns of JSON rows, as pyarrow's JSON reader and `datasets` infer them: whole numbers widen to fractions; text of
 * which every value is a date and time is one; a column of several types, or of objects with different fields, is kept as it is.
 */
export function featuresOfJson(rows: readonly RawRow[]): HubFeatures {
  const columns = new Map<string, unknown[]>();
  for (const row of rows)
    for (const name of Object.keys(row)) {
      const values = columns.get(name) ?? [];
      values.push(ownValue(row, name));
      columns.set(name, values);
    }
  return Object.fromEntries(Array.from(columns, ([name, values]) => [name, featureOfJson(values)]));
}

function featureOfJson(all: readonly unknown[]): HubFeature {
  const values = all.filter((each) => each !== null);
  const types = new Set(values.map(jsonType));
  const [type] = types;
  if (type === undefined) return value('null');
  if (types.size === 2 && types.has('int64') && types.has('float64')) return value('float64');
  if (types.size > 1) return { kind: 'any' };
  if (type === 'string')
    return value(values.every((text) => timeOf(String(text)) !== undefined) ? 'timestamp[s]' : 'string');
  if (type === 'list') return { kind: 'list', of: featureOfJson(values.flat()) };
  if (type !== 'struct') return value(type);
  const objects = values.filter(isRecord);
  const names = Object.keys(objects[0] ?? {});
  const isUniform = objects.every(
    (object) =>
      Object.keys(object).length === names.length && names.every((name) => Object.hasOwn(object, name)),
  );
  if (!isUniform || names.length === 0) return { kind: 'any' };
  return { kind: 'struct', fields: featuresOfJson(objects) };
}

function jsonType(each: unknown): string {
  if (Array.isArray(each)) return 'list';
  if (typeof each === 'number') return Number.isInteger(each) ? 'int64' : 'float64';
  if (typeof each === 'bigint') return 'int64';
  if (typeof each === 'boolean') return 'bool';
  return typeof each === 'string' ? 'string' : 'struct';
}

const wholeNumber = /^\s*[+-]?\d+\s*$/;
const fraction = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$|^\s*[+-]?(inf|infinity)\s*$/i;
const truth = /^(true|false)$/i;

/**
 * The types of columns of separated values, as pandas infers them: whole numbers, fractions (also whole numbers of which some are
 * missing), truth values, else text.
 */
export function featuresOfCells(rows: readonly RawRow[], fields: readonly string[]): HubFeatures {
  const features: Record<string, HubFeature> = {};
  for (const name of fields) {
    const cells = rows.map((row) => ownValue(row, name));
    setOwn(features, name, value(typeOfCells(cells)));
  }
  return features;
}

function typeOfCells(cells: readonly unknown[]): string {
  const told = cells.filter((cell) => typeof cell === 'string');
  if (told.length > 0 && told.every((cell) => wholeNumber.test(cell)))
    return told.length === cells.length ? 'int64' : 'float64';
  // A column without a value is one of numbers, all missing.
  if (told.every((cell) => fraction.test(cell))) return 'float64';
  return told.every((cell) => truth.test(cell)) ? 'bool' : 'string';
}
