import * as v from 'valibot';
import { ConfigError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import { isRecord } from '../../core/record.js';

/** A value that a column is compared with. */
type WhereValue = string | number | bigint | boolean | Date;

/** Comparisons of one column. All must hold. */
interface WhereComparisons {
  /** `null`: the value is missing. */
  readonly eq?: WhereValue | null;
  /** `null`: the value is not missing. */
  readonly ne?: WhereValue | null;
  readonly gt?: WhereValue;
  readonly gte?: WhereValue;
  readonly lt?: WhereValue;
  readonly lte?: WhereValue;
  readonly in?: readonly (WhereValue | null)[];
  readonly notIn?: readonly (WhereValue | null)[];
}

/**
 * Selects rows: `{ year: { gte: 2020 }, lang: { in: ['en', 'de'] }, label: 3 }`. All conditions must hold; `or: [{ … }, { … }]` asks
 * for one of several, `and: […]` for all. A value alone means `eq`. A field of a nested object has a path: `meta.score`.
 *
 * The meaning is that of SQL: a comparison with a missing value does not hold, `ne` and `notIn` included. Numbers compare with
 * numbers, text with text (by code point), times with a `Date` or text in ISO 8601.
 */
export interface Where {
  readonly [column: string]: WhereValue | null | WhereComparisons | readonly Where[];
}

const operators = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'notIn'] as const;
export type WhereOperator = (typeof operators)[number];

function isOperator(name: string): name is WhereOperator {
  return operators.some((operator) => operator === name);
}

function isWhereValue(value: unknown): value is WhereValue | null {
  return kindOfValue(value) !== 'other' && !(value instanceof Date && Number.isNaN(value.getTime()));
}

/** One comparison. */
export interface WhereTest {
  readonly kind: 'test';
  readonly column: string;
  readonly operator: WhereOperator;
  readonly values: readonly (WhereValue | null)[];
}

/** A parsed {@link Where}. `all` of nothing holds for every row, `any` of nothing for none. */
export type WhereNode = WhereTest | { readonly kind: 'all' | 'any'; readonly nodes: readonly WhereNode[] };

/** The option `where` of a dataset. */
export const whereOption = v.optional(v.custom<Where>(isConditions, 'must be an object'));

/** @throws {@link ConfigError} for an unknown comparison, or a value that cannot be compared */
export function parseWhere(owner: string, where: Where): WhereNode {
  const problem = (field: string, message: string) =>
    new ConfigError(`${owner} options`, [{ field, message }]);
  const node = (part: unknown, path: string): WhereNode => {
    if (!isConditions(part)) throw problem(path, 'must be an object of conditions by column');
    return { kind: 'all', nodes: Object.entries(part).flatMap(([key, value]) => entry(key, value, path)) };
  };
  const entry = (key: string, value: unknown, path: string): WhereNode[] => {
    const field = `${path}.${key}`;
    if (Array.isArray(value)) {
      if (key !== 'and' && key !== 'or')
        throw problem(field, 'is a list: { in: […] } selects one of several values');
      const nodes = value.map((part, k) => node(part, `${field}.${k}`));
      return [{ kind: key === 'and' ? 'all' : 'any', nodes }];
    }
    if (!isConditions(value)) return [test(key, 'eq', value, field)];
    return Object.entries(value).map(([operator, operand]) => {
      if (!isOperator(operator))
        throw problem(field, `has the unknown comparison ${operator}; there are ${operators.join(', ')}`);
      return test(key, operator, operand, `${field}.${operator}`);
    });
  };
  const test = (column: string, operator: WhereOperator, operand: unknown, field: string): WhereTest => {
    const isList = operator === 'in' || operator === 'notIn';
    if (isList && !Array.isArray(operand)) throw problem(field, 'must be a list of values');
    const given: readonly unknown[] = isList && Array.isArray(operand) ? operand : [operand];
    const isOrder = !isList && operator !== 'eq' && operator !== 'ne';
    const values = given.map((value) => {
      if (!isWhereValue(value)) throw problem(field, 'must be a number, bigint, text, boolean, Date or null');
      if (Number.isNaN(value)) throw problem(field, 'is NaN, with which no comparison holds');
      if (isOrder && ['missing', 'boolean'].includes(kindOfValue(value)))
        throw problem(field, `${String(value)} has no order: use eq or ne`);
      return value;
    });
    return { kind: 'test', column, operator, values };
  };
  return node(where, 'where');
}

function isConditions(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && !(value instanceof Date);
}

/** What a value is, for a comparison. Only values of the same kind compare. */
export type ValueKind = 'missing' | 'number' | 'text' | 'boolean' | 'time' | 'other';

/** The kind of a value. */
export function kindOfValue(value: unknown): ValueKind {
  if (value === null || value === undefined) return 'missing';
  if (value instanceof Date) return 'time';
  const type = typeof value;
  if (type === 'number' || type === 'bigint') return 'number';
  if (type === 'string') return 'text';
  return type === 'boolean' ? 'boolean' : 'other';
}

/** Names of the columns that a condition tests. */
export function whereColumns(node: WhereNode): string[] {
  if (node.kind === 'test') return [node.column];
  return [...new Set(node.nodes.flatMap(whereColumns))];
}

/** A condition as plain JSON, for fingerprints. */
export function whereJson(node: WhereNode): Json {
  if (node.kind !== 'test') return { [node.kind]: node.nodes.map(whereJson) };
  const { column, operator, values } = node;
  return [
    column,
    operator,
    ...values.map((value) => [kindOfValue(value), String(value instanceof Date ? value.getTime() : value)]),
  ];
}
