import type { FileMetaData, SchemaElement, SchemaTree } from 'hyparquet';
import { parquetSchema } from 'hyparquet';
import { FormatError } from '../../core/errors.js';
import type { TableField, TableSchema } from '../tables/table-schema.js';
import { fieldIds } from './field-ids.js';
import { elementOfList, nestingOf, valueOfMap } from './parquet-nesting.js';

/**
 * The footer of a data file with the names that the table has for its fields today. Fields that the table does not have get names that
 * no field has.
 *
 * @throws {@link FormatError} if the file stores a field in a type that does not fit, or has no field ids
 */
export function namedByTable(file: string, metadata: FileMetaData, table: TableSchema): FileMetaData {
  const { children } = parquetSchema(metadata);
  const names = new Map<SchemaElement, string>();
  const ids = fieldIds(file, children, table);
  const nameFields = (nodes: readonly SchemaTree[], fields: readonly TableField[]): void => {
    const known = new Map(fields.map((field) => [field.stored, field]));
    for (const [k, node] of nodes.entries()) {
      const id = ids.get(node.element);
      const field = (id === undefined ? undefined : known.get(id)) ?? known.get(node.element.name);
      names.set(node.element, field ? field.name : `\0${k}`);
      if (field) nameNested(node, field);
    }
  };
  const nameNested = (node: SchemaTree, field: TableField): void => {
    checkType(file, node, field);
    const { nested } = field;
    if (nested?.kind === 'struct') nameFields(node.children, nested.fields);
    if (nested?.kind === 'list') nameNested(elementOfList(node), nested.element);
    if (nested?.kind === 'map') nameNested(valueOfMap(node), nested.value);
  };
  nameFields(children, table.fields);
  return renamed(metadata, children, names);
}

function renamed(
  metadata: FileMetaData,
  children: readonly SchemaTree[],
  names: ReadonlyMap<SchemaElement, string>,
): FileMetaData {
  const nameOf = (element: SchemaElement) => names.get(element) ?? element.name;
  const paths: string[][] = [];
  const addPaths = (node: SchemaTree, parents: readonly string[]): void => {
    const path = [...parents, nameOf(node.element)];
    if (node.children.length === 0) paths.push(path);
    for (const child of node.children) addPaths(child, path);
  };
  for (const child of children) addPaths(child, []);
  return {
    ...metadata,
    schema: metadata.schema.map((element) => ({ ...element, name: nameOf(element) })),
    row_groups: metadata.row_groups.map((group) => ({
      ...group,
      columns: group.columns.map((chunk, k) =>
        chunk.meta_data ? { ...chunk, meta_data: { ...chunk.meta_data, path_in_schema: paths[k]! } } : chunk,
      ),
    })),
  };
}

function checkType(file: string, node: SchemaTree, field: TableField): void {
  const { nested, physical } = field;
  const nesting = nestingOf(node);
  const fits = nested
    ? nesting === nested.kind
    : !physical || (nesting === 'leaf' && physical.includes(node.element.type!));
  if (fits) return;
  throw new FormatError(`A file of the table stores the column ${field.name} in a type that does not fit`, {
    where: { file, column: field.name, type: field.type, stored: node.element.type ?? nesting },
    next: 'Leave the column out with { columns: […] }, or rewrite the files of the table.',
  });
}

/** Makes a value of the table from a stored one. */
export type MakeValue = (stored: unknown) => unknown;

/**
 * How to make values of a field from those that a file stores: struct fields in the order of the table, those that the file lacks with
 * their initial values, and promoted integers.
 *
 * @param node - The field in the file, with the names of the table.
 * @returns `undefined` if they are the same
 */
export function makerOf({ nested, isLong }: TableField, node: SchemaTree): MakeValue | undefined {
  if (isLong) return node.element.type === 'INT32' ? ifThere((value) => BigInt(value as number)) : undefined;
  if (nested?.kind === 'list') {
    const make = makerOf(nested.element, elementOfList(node));
    return make && ifThere((items) => (items as unknown[]).map(make));
  }
  if (nested?.kind === 'map') {
    const make = makerOf(nested.value, valueOfMap(node));
    return (
      make &&
      ifThere((entries) =>
        Object.fromEntries(Object.entries(entries as object).map(([key, value]) => [key, make(value)])),
      )
    );
  }
  return nested && makerOfStruct(nested.fields, node.children);
}

function makerOfStruct(
  fields: readonly TableField[],
  children: readonly SchemaTree[],
): MakeValue | undefined {
  const parts = fields.map((field) => {
    const child = children.find(({ element }) => element.name === field.name);
    return { field, isStored: child !== undefined, make: child && makerOf(field, child) };
  });
  const isSame =
    children.length === fields.length &&
    parts.every(({ field, make }, k) => !make && children[k]!.element.name === field.name);
  if (isSame) return undefined;
  return ifThere((value) => {
    const stored = new Map(Object.entries(value as object));
    return Object.fromEntries(
      parts.map(({ field, isStored, make }) => {
        if (!isStored) return [field.name, field.initial ?? null];
        const found: unknown = stored.get(field.name);
        return [field.name, make ? make(found) : found];
      }),
    );
  });
}

function ifThere(make: MakeValue): MakeValue {
  return (value) => (value === null ? null : make(value));
}
