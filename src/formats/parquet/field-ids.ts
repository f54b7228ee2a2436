import type { SchemaElement, SchemaTree } from 'hyparquet';
import { FormatError } from '../../core/errors.js';
import type { NameMapping, TableSchema } from '../tables/table-schema.js';
import { elementOfList, nestingOf, valueOfMap } from './parquet-nesting.js';

/**
 * The field ids of a file, from the file or from the name mapping of its table.
 *
 * @throws {@link FormatError} if the table needs them and neither has them
 */
export function fieldIds(
  file: string,
  nodes: readonly SchemaTree[],
  { fields, names }: TableSchema,
): ReadonlyMap<SchemaElement, number> {
  const ids = new Map<SchemaElement, number>();
  const add = ({ element, children }: SchemaTree): void => {
    if (element.field_id !== undefined) ids.set(element, element.field_id);
    for (const child of children) add(child);
  };
  for (const node of nodes) add(node);
  const areNeeded = fields.some(({ stored }) => typeof stored === 'number');
  if (ids.size > 0 || !areNeeded) return ids;
  if (!names)
    throw new FormatError('A file of the table has no field ids, and the table has no name mapping', {
      where: { file },
      next: 'Set schema.name-mapping.default of the table, or rewrite the file.',
    });
  addMapped(nodes, names, ids);
  return ids;
}

function addMapped(nodes: readonly SchemaTree[], names: NameMapping, ids: Map<SchemaElement, number>): void {
  for (const node of nodes) {
    const found = names.find((each) => each.names.includes(node.element.name));
    if (found) addOne(node, found, ids);
  }
}

function addOne(node: SchemaTree, found: NameMapping[number], ids: Map<SchemaElement, number>): void {
  const { 'field-id': id, fields = [] } = found;
  if (id !== undefined) ids.set(node.element, id);
  const part = (name: string) => fields.find(({ names }) => names.includes(name)) ?? { names: [] };
  const nesting = nestingOf(node);
  if (nesting === 'struct') addMapped(node.children, fields, ids);
  if (nesting === 'list' && node.children.length > 0) addOne(elementOfList(node), part('element'), ids);
  if (nesting === 'map') addOne(valueOfMap(node), part('value'), ids);
}
