import { order, reordered, timeOf } from './test-row.js';
import { kindOfValue, type WhereNode, type WhereTest } from './where.js';

/** What a table says about the values of a column in one file, without opening it. What is not known is not there. */
export interface ColumnBounds {
  /** No value is less, besides missing ones and NaN. */
  readonly least?: unknown;
  /** No value is greater, besides missing ones and NaN. Of text: no value begins with something greater, since writers cut it. */
  readonly greatest?: unknown;
  /** Whether all values are missing, or none. */
  readonly missing?: 'all' | 'none' | undefined;
}

/**
 * Whether a file may hold a row that passes a condition. What bounds cannot decide may hold: a column without bounds, values of another
 * kind than those it is compared with, and `ne` and `notIn`, which hold for NaN and for the rest of a text that was cut.
 *
 * @param boundsOf - All that is known about a column.
 */
export function mayPass(node: WhereNode, boundsOf: (column: string) => readonly ColumnBounds[]): boolean {
  if (node.kind === 'test') return boundsOf(node.column).every((bounds) => mayHold(node, bounds));
  const part = (inner: WhereNode) => mayPass(inner, boundsOf);
  return node.kind === 'all' ? node.nodes.every(part) : node.nodes.some(part);
}

function mayHold({ operator, values }: WhereTest, { least, greatest, missing }: ColumnBounds): boolean {
  const isNegated = operator === 'ne' || operator === 'notIn';
  if (missing === 'all') return !isNegated && values.includes(null);
  if (isNegated) return true;
  return values.some((target) => {
    if (target === null) return missing !== 'none';
    const isGreater = operator === 'gt' || operator === 'gte';
    const isLess = operator === 'lt' || operator === 'lte';
    if (!isGreater && isBelowAll(target, least, operator === 'lt')) return false;
    return isLess || !isAboveAll(target, greatest, operator === 'gt');
  });
}

/** Whether a target is below all values; with `orEqual`, also if it is the least. */
function isBelowAll(target: unknown, least: unknown, orEqual: boolean): boolean {
  const compared = difference(target, least);
  return compared !== undefined && (compared < 0 || (orEqual && compared === 0));
}

/** Whether a target is above all values; with `orEqual`, also if it is the greatest. */
function isAboveAll(target: unknown, greatest: unknown, orEqual: boolean): boolean {
  if (typeof target === 'string' && typeof greatest === 'string')
    return (difference(target.slice(0, greatest.length), greatest) ?? 0) > 0;
  const compared = difference(target, greatest);
  return compared !== undefined && (compared > 0 || (orEqual && compared === 0));
}

/** Below, at or above 0 as a target is below, at or above a bound; `undefined` if they do not compare. */
function difference(target: unknown, bound: unknown): number | undefined {
  if (bound instanceof Date) {
    const time = typeof target === 'string' ? timeOf(target) : target;
    return time instanceof Date ? difference(time.getTime(), bound.getTime()) : undefined;
  }
  if (kindOfValue(target) !== kindOfValue(bound)) return undefined;
  if (typeof target === 'string' && typeof bound === 'string')
    return reordered.test(bound) ? undefined : order(target, bound);
  // Numbers, also a `bigint`, and booleans.
  const [a, b] = [target as number, bound as number];
  if (a < b) return -1;
  if (a > b) return 1;
  return a >= b ? 0 : undefined;
}
