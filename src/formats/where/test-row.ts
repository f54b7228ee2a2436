import type { Json } from '../../core/json.js';
import { propertyOf } from '../../core/property-of.js';
import { ownValue } from '../../core/record.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { kindOfValue, type ValueKind, type WhereNode, type WhereOperator, type WhereTest } from './where.js';

/** Reads a value of the row that is tested, by the column's name in the condition. */
export type ReadColumn = (column: string) => unknown;

/** A comparison of values of different kinds: a number with text. */
export class KindMismatch extends Error {
  readonly column: string;

  constructor({ column, operator }: WhereTest, target: ValueKind, found: ValueKind) {
    super(`compares by ${operator} with ${described[target]}, and the column holds ${described[found]}`);
    this.column = column;
  }
}

const described: Readonly<Record<ValueKind, string>> = {
  missing: 'missing',
  number: 'numbers',
  text: 'text',
  boolean: 'booleans',
  time: 'times',
  other: 'lists, objects or bytes',
};

/** Whether a row passes a condition. @throws {@link KindMismatch} */
export function passes(node: WhereNode, read: ReadColumn): boolean {
  if (node.kind === 'test') return holds(node, read(node.column));
  const part = (inner: WhereNode) => passes(inner, read);
  return node.kind === 'all' ? node.nodes.every(part) : node.nodes.some(part);
}

function holds(test: WhereTest, value: unknown): boolean {
  const found = kindOfValue(value);
  const { operator, values } = test;
  const isNegated = operator === 'ne' || operator === 'notIn';
  // `ne: null` and `notIn: [null, …]` also leave out missing values, as every other comparison does.
  if (found === 'missing') return !isNegated && values.includes(null);
  const isOneOf = values.some((target) => target !== null && compares(test, operator, value, target, found));
  return isNegated ? !isOneOf : isOneOf;
}

function compares(
  test: WhereTest,
  operator: WhereOperator,
  value: unknown,
  target: unknown,
  found: ValueKind,
): boolean {
  const aim = kindOfValue(target);
  let other = target;
  if (aim !== found) {
    const time = found === 'time' && typeof target === 'string' ? timeOf(target) : undefined;
    if (time === undefined) throw new KindMismatch(test, aim, found);
    other = time;
  }
  const isOrder = operator === 'gt' || operator === 'gte' || operator === 'lt' || operator === 'lte';
  if (!isOrder && (found === 'text' || found === 'boolean')) return value === other;
  if (typeof value === 'string' && typeof other === 'string')
    return areInOrder(operator, order(value, other), 0);
  // Numbers, also a `bigint`, and dates.
  return areInOrder(operator, value as number, other as number);
}

function areInOrder(operator: WhereOperator, a: number, b: number): boolean {
  switch (operator) {
    case 'gt':
      return a > b;
    case 'gte':
      return a >= b;
    case 'lt':
      return a < b;
    case 'lte':
      return a <= b;
    default:
      // Equal as `number` and `bigint`, and as different `Date` objects.
      return a >= b && a <= b;
  }
}

/** UTF-16 and UTF-8 order these characters differently, and writers of statistics use either. */
export const reordered = /[\ud800-\uffff]/;

/** Orders text by code point. */
export function order(a: string, b: string): number {
  if (reordered.test(a) || reordered.test(b)) return byCodePoint(a, b);
  return a < b ? -1 : Number(a > b);
}

const isoTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?$/;

/** A time in ISO 8601, in UTC unless it has an offset; `undefined` if it is none. */
export function timeOf(text: string): Date | undefined {
  const [found, clock, , , zone] = isoTime.exec(text) ?? [];
  if (found === undefined) return undefined;
  const time = new Date(clock && !zone ? `${text}Z` : text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

const everyRow: WhereNode = { kind: 'all', nodes: [] };
const noRow: WhereNode = { kind: 'any', nodes: [] };

/** Values that all rows of a file have in common, by column. */
export type Constants = Readonly<Record<string, unknown>>;

/** Constants as plain JSON, for fingerprints. */
export function constantsJson(constants: Constants): Json {
  return Object.entries(constants).map(([name, value]) => [
    name,
    kindOfValue(value),
    String(value instanceof Date ? value.getTime() : value),
  ]);
}

/**
 * What remains to be tested in a file whose constants are known.
 *
 * @returns `true` if every row passes, `false` if none does
 * @throws {@link KindMismatch}
 */
export function whatRemains(node: WhereNode, constants: Constants): WhereNode | boolean {
  const rest = simplified(node, constants);
  if (rest.kind === 'test' || rest.nodes.length > 0) return rest;
  return rest.kind === 'all';
}

function simplified(node: WhereNode, constants: Constants): WhereNode {
  if (node.kind === 'test') {
    if (!Object.hasOwn(constants, node.column)) return node;
    return holds(node, ownValue(constants, node.column)) ? everyRow : noRow;
  }
  const { kind } = node;
  const nodes = node.nodes.map((part) => simplified(part, constants));
  const isDecided = (part: WhereNode, by: 'all' | 'any') => part.kind === by && part.nodes.length === 0;
  const opposite = kind === 'all' ? 'any' : 'all';
  if (nodes.some((part) => isDecided(part, opposite))) return kind === 'all' ? noRow : everyRow;
  return { kind, nodes: nodes.filter((part) => !isDecided(part, kind)) };
}

/** The column that a name in a condition belongs to: itself, or that of a path. */
export function rootColumn(name: string, columns: readonly string[]): string {
  return columns.includes(name) ? name : name.split('.', 1)[0]!;
}

/** Reads values of a row that is an object, and fields of nested objects by path. */
export function readField(row: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(row, path)) return ownValue(row, path);
  let value: unknown = row;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = propertyOf(value, name);
  }
  return value;
}
