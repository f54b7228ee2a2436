import type { ParquetQueryFilter } from 'hyparquet';
import { readField } from '../where/test-row.js';

type Row = Readonly<Record<string, unknown>>;

/** Names of the columns that a filter refers to. */
export function filterColumns(filter: ParquetQueryFilter): string[] {
  const names = Object.entries(filter).flatMap(([key, value]) =>
    key.startsWith('$') ? partsOf(value).flatMap(filterColumns) : [key.split('.')[0]!],
  );
  return [...new Set(names)];
}

/** The filters that `$and`, `$or` or `$nor` joins. */
function partsOf(value: unknown): readonly ParquetQueryFilter[] {
  if (!Array.isArray(value)) throw new Error('the filter has $and, $or or $nor without a list');
  return value;
}

/** Whether a row of sample values passes a filter. */
export function matches(row: Row, filter: ParquetQueryFilter): boolean {
  return Object.entries(filter).every(([key, condition]) => {
    if (key === '$and') return partsOf(condition).every((part) => matches(row, part));
    if (key === '$or') return partsOf(condition).some((part) => matches(row, part));
    if (key === '$nor') return !partsOf(condition).some((part) => matches(row, part));
    return holds(readField(row, key), condition);
  });
}

function holds(value: unknown, condition: unknown): boolean {
  const isValue = typeof condition !== 'object' || condition === null || Array.isArray(condition);
  if (isValue || condition instanceof Date || condition instanceof Uint8Array)
    return equals(value, condition);
  return Object.entries(condition).every(([operator, target]) => {
    switch (operator) {
      case '$gt':
        return isPresent(value) && ordered(value) > ordered(target);
      case '$gte':
        return isPresent(value) && ordered(value) >= ordered(target);
      case '$lt':
        return isPresent(value) && ordered(value) < ordered(target);
      case '$lte':
        return isPresent(value) && ordered(value) <= ordered(target);
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

/** JavaScript orders values of any one kind. */
const ordered = (value: unknown) => value as number;

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
    return (typeof a === 'number' || typeof b === 'number') && areSame(ordered(a), ordered(b));
  if (!a || !b || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && equals(value, right.get(key)))
  );
}

function areSame(a: number, b: number): boolean {
  return a >= b && a <= b;
}
