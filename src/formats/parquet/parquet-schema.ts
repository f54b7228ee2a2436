import type { SchemaTree } from 'hyparquet';
import type { LeafColumn, LeafType } from './leaf-column.js';
import { isList, isMap, wrappedElement } from './parquet-nesting.js';
import { conversionOf } from './parquet-values.js';
import { type ShreddedType, variantValue } from './parquet-variant.js';

/** Position of each leaf within a row: entries `at … end - 1` remain. */
export interface RowCursors {
  readonly columns: readonly LeafColumn[];
  readonly at: Float64Array;
  readonly end: Float64Array;
}

/** Reads the next value from the leaves of a column. */
type Read = (row: RowCursors) => unknown;

/** A column of the table and the leaves that hold it. */
export interface ColumnReader {
  readonly name: string;
  /** Leaves, in the order of the row group's columns. */
  readonly leaves: readonly LeafType[];
  /** Position of the first leaf among all leaves of the file. */
  readonly firstLeaf: number;
  /** Whether the column is a single leaf that is not repeated. */
  readonly isFlat: boolean;
  readonly read: Read;
}

/** Makes a reader for each column of the table. @throws Error for an unsupported type */
export function columnReader(tree: SchemaTree, firstLeaf: number): ColumnReader {
  const leaves: LeafType[] = [];
  const read = fieldReader(tree, { definition: 0, repetition: 0, leaves });
  const isFlat = tree.children.length === 0 && tree.element.repetition_type !== 'REPEATED';
  return { name: tree.element.name, leaves, firstLeaf, isFlat, read };
}

/** Number of leaves of a part of the schema. */
export function leafCount({ children }: SchemaTree): number {
  return children.length === 0 ? 1 : children.reduce((sum, child) => sum + leafCount(child), 0);
}

/** Levels of the parents of a field, and the leaves so far. */
interface Around {
  readonly definition: number;
  readonly repetition: number;
  readonly leaves: LeafType[];
}

function fieldReader(tree: SchemaTree, around: Around): Read {
  const repetition = tree.element.repetition_type;
  if (repetition === 'REPEATED') return repeatedReader(around, (inner) => presentReader(tree, inner));
  if (repetition !== 'OPTIONAL') return presentReader(tree, around);
  const definition = around.definition + 1;
  const first = around.leaves.length;
  const read = presentReader(tree, { ...around, definition });
  const end = around.leaves.length;
  return (row) => {
    if (definitionAt(row, first) >= definition) return read(row);
    skip(row, first, end);
    return null;
  };
}

/** A list as a repeated field, which can be empty but not missing. */
function repeatedReader<T>(
  around: Around,
  element: (inner: Around) => (row: RowCursors) => T,
): (row: RowCursors) => T[] {
  const definition = around.definition + 1;
  const repetition = around.repetition + 1;
  const first = around.leaves.length;
  const read = element({ ...around, definition, repetition });
  const end = around.leaves.length;
  return (row) => {
    const items: T[] = [];
    if (definitionAt(row, first) < definition) {
      skip(row, first, end);
      return items;
    }
    do items.push(read(row));
    while (row.at[first]! < row.end[first]! && row.columns[first]!.repetition(row.at[first]!) === repetition);
    return items;
  };
}

/** A required field. */
function presentReader(tree: SchemaTree, around: Around): Read {
  const { element, children } = tree;
  if (children.length === 0) return leafReader(tree, around);
  if (element.logical_type?.type === 'VARIANT') return variantReader(tree, around);
  const [only, second] = children;
  if (only && !second && only.element.repetition_type === 'REPEATED') {
    if (isList(tree)) return listReader(tree, only, around);
    const [key, value, other] = only.children;
    if (isMap(tree) && key && value && !other) return mapReader(key, value, around);
    // A map without values is a list of its keys.
    if (isMap(tree) && key && !value) return repeatedReader(around, (inner) => fieldReader(key, inner));
  }
  return groupReader(children, around);
}

function listReader(tree: SchemaTree, repeated: SchemaTree, around: Around): Read {
  const wrapped = wrappedElement(tree, repeated);
  return repeatedReader(around, (inner) =>
    wrapped ? fieldReader(wrapped, inner) : presentReader(repeated, inner),
  );
}

function mapReader(key: SchemaTree, value: SchemaTree, around: Around): Read {
  const pairs = repeatedReader(around, (inner) => {
    const [readKey, readValue] = [fieldReader(key, inner), fieldReader(value, inner)];
    return (row): [string, unknown] => [String(readKey(row)), readValue(row)];
  });
  return (row) => Object.fromEntries(pairs(row));
}

function groupReader(children: readonly SchemaTree[], around: Around) {
  const fields = children.map((child) => [child.element.name, fieldReader(child, around)] as const);
  return (row: RowCursors) => Object.fromEntries(fields.map(([name, read]) => [name, read(row)]));
}

function variantReader(tree: SchemaTree, around: Around): Read {
  const read = groupReader(tree.children, around);
  const type = shreddedType(tree);
  return (row) => variantValue(read(row), type);
}

/** For a group with the fields `value` and `typed_value`. */
function shreddedType(group: SchemaTree): ShreddedType | undefined {
  const typed = group.children.find(({ element }) => element.name === 'typed_value');
  if (!typed) return undefined;
  if (typed.children.length === 0) return { kind: 'value' };
  if (typed.element.converted_type === 'LIST' || typed.element.logical_type?.type === 'LIST') {
    const element = typed.children[0]!.children[0] ?? typed.children[0]!;
    return { kind: 'list', element: shreddedType(element) };
  }
  const fields = typed.children.map((field) => [field.element.name, shreddedType(field)] as const);
  return { kind: 'object', fields: new Map(fields) };
}

function leafReader({ element }: SchemaTree, { definition, repetition, leaves }: Around): Read {
  if (definition > 255 || repetition > 255) throw new Error('its columns are nested too deeply');
  const leaf = leaves.length;
  const { type, type_length: typeLength } = element;
  if (!type) throw new Error(`its column ${element.name} has no type`);
  leaves.push({
    type,
    typeLength,
    maxDefinition: definition,
    maxRepetition: repetition,
    ...conversionOf(element),
  });
  return (row) => {
    const entry = row.at[leaf]!;
    if (definitionAt(row, leaf) !== definition) throw disagree();
    row.at[leaf] = entry + 1;
    return row.columns[leaf]!.value(entry);
  };
}

function definitionAt(row: RowCursors, leaf: number): number {
  if (row.at[leaf]! >= row.end[leaf]!) throw disagree();
  return row.columns[leaf]!.definition(row.at[leaf]!);
}

function skip(row: RowCursors, from: number, to: number): void {
  for (let leaf = from; leaf < to; leaf++) row.at[leaf]! += 1;
}

/** Reads a row of a nested column. @throws Error if its leaves disagree on the nesting */
export function readRow({ read }: ColumnReader, columns: readonly LeafColumn[], row: number): unknown {
  const cursors: RowCursors = {
    columns,
    at: Float64Array.from(columns, (column) => column.entryOf(row)),
    end: Float64Array.from(columns, (column) => column.entryOf(row + 1)),
  };
  const value = read(cursors);
  if (cursors.at.some((at, leaf) => at !== cursors.end[leaf])) throw disagree();
  return value;
}

function disagree(): Error {
  return new Error('the parts of a nested value disagree on where it ends');
}
