import type { ParquetQueryFilter } from 'hyparquet';
import { ownValue } from '../../core/record.js';

type Row = Readonly<Record<string, unknown>>;

/** Names of the columns that a filter refers to. */
export function filterColumns(filter: ParquetQueryFilter): string[] {
  const names = Object.entries(filter).flatMap(([key, value]) =>
    key.startsWith('$') ? (value as ParquetQueryFilter[]).flatMap(filterColumns) : [key.split('.')[0]!],
  );
  return [...new Set(names)];
}

/** Whether a row of sample values passes a filter. */
export function matches(row: Row, filter: ParquetQueryFilter): boolean {
  return Object.entries(filter).every(([key, condition]) => {
    if (key === '$and') return (condition as ParquetQueryFilter[]).every((part) => matches(row, part));
    if (key === '$or') return (condition as ParquetQueryFilter[]).some((part) => matches(row, part));
    if (key === '$nor') return !(condition as ParquetQueryFilter[]).some((part) => matches(row, part));
    return holds(valueAt(row, key), condition);
  });
}

function holds(value: unknown, condition: unknown): boolean {
  const isValue = typeof condition !== 'object' || condition === null || Array.isArray(condition);
  if (isValue || condition instanceof Date || condition instanceof Uint8Array)
    return equals(value, condition);
  return Object.entries(condition as Row).every(([operator, target]) => {
    switch (operator) {
      case '$gt':
        return isPresent(value) && (value as number) > (target as number);
      case '$gte':
        return isPresent(value) && (value as number) >= (target as number);
      case '$lt':
        return isPresent(value) && (value as number) < (target as number);
      case '$lte':
        return isPresent(value) && (value as number) <= (target as number);
      case '$eq':
        return equals(value, target);
      case '$ne':
        return !equals(value, target);
      case '$in':
        return Array.isArray(target) && isIn(value, target);
      case '$nin':
        return Array.isArray(target) && !isIn(value, target);
      case '$not':
        return !holds(value, target);
      default:
        throw new Error(`the filter has an unknown operator ${operator}`);
    }
  });
}

const isPresent = (value: unknown) => value !== null && value !== undefined;

/** Also matches one of the elements of a list. */
function isIn(value: unknown, targets: readonly unknown[]): boolean {
  return targets.some(
    (target) =>
      equals(value, target) || (Array.isArray(value) && value.some((element) => equals(element, target))),
  );
}

/** Equal values are equal as `number` and as `bigint`: the column's width decides which it has. */
function equals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === 'bigint' || typeof b === 'bigint')
    return (typeof a === 'number' || typeof b === 'number') && areSame(a as number, b as number);
  if (!a || !b || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  const [left, right] = [Object.entries(a), b as Row];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.length === Object.keys(b).length &&
    left.every(([key, value]) => Object.hasOwn(right, key) && equals(value, ownValue(right, key)))
  );
}

function areSame(a: number, b: number): boolean {
  return a >= b && a <= b;
}

/** A field of a group by its path: `meta.score`. */
function valueAt(row: Row, path: string): unknown {
  if (Object.hasOwn(row, path)) return ownValue(row, path);
  let value: unknown = row;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = ownValue(value as Row, name);
  }
  return value;
}
