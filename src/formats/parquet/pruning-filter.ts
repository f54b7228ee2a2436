import type { ParquetQueryFilter, SchemaTree } from 'hyparquet';
import { reordered, timeOf } from '../where/test-row.js';
import { kindOfValue, type ValueKind, type WhereNode, type WhereTest } from '../where/where.js';

/**
 * Translates a condition for hyparquet, which rules out row groups and pages by it. The result holds for every row that passes, and
 * perhaps for others: what statistics cannot decide is left out.
 *
 * @returns `undefined` if statistics cannot rule out anything
 */
export function pruningFilter(node: WhereNode, tree: readonly SchemaTree[]): ParquetQueryFilter | undefined {
  if (node.kind === 'test') return testFilter(node, tree);
  const parts = node.nodes.map((part) => pruningFilter(part, tree));
  const known = parts.filter((part) => part !== undefined);
  if (known.length === 0 || (node.kind === 'any' && known.length < parts.length)) return undefined;
  return node.kind === 'all' ? { $and: known } : { $or: known };
}

const names = { eq: '$eq', gt: '$gt', gte: '$gte', lt: '$lt', lte: '$lte', in: '$in' } as const;

function testFilter(
  { column, operator, values }: WhereTest,
  tree: readonly SchemaTree[],
): ParquetQueryFilter | undefined {
  // Statistics do not count NaN, for which `ne` and `notIn` hold. Missing values are in no statistics that can be relied on.
  if (operator === 'ne' || operator === 'notIn' || values.includes(null)) return undefined;
  const kind = kindOfColumn(tree.find(({ element }) => element.name === column));
  const targets = values.map((value) =>
    kind === 'time' && typeof value === 'string' ? timeOf(value) : value,
  );
  if (kind === undefined || targets.some((value) => kindOfValue(value) !== kind)) return undefined;
  const isOrder = operator !== 'eq' && operator !== 'in';
  if (isOrder && targets.some((value) => typeof value === 'string' && reordered.test(value)))
    return undefined;
  return { [column]: { [names[operator]]: operator === 'in' ? targets : targets[0] } };
}

/** The kind of a column's values; `undefined` if its statistics are of no use. */
function kindOfColumn(column: SchemaTree | undefined): ValueKind | undefined {
  if (!column || column.children.length > 0 || column.element.repetition_type === 'REPEATED')
    return undefined;
  const { type, converted_type, logical_type } = column.element;
  const logical = logical_type?.type ?? converted_type;
  if (logical === 'UTF8' || logical === 'STRING') return 'text';
  if (logical === 'DATE' || logical?.startsWith('TIMESTAMP')) return 'time';
  if (type === 'BOOLEAN') return 'boolean';
  const isNumber = type === 'INT32' || type === 'INT64' || type === 'FLOAT' || type === 'DOUBLE';
  const isPlain = logical === undefined || /^U?INT(EGER|_\d+)$/.test(logical);
  return isNumber && isPlain ? 'number' : undefined;
}
