import type { SchemaTree } from 'hyparquet';

/** What a field of a file is: a value, an object, a list or a map. */
export function nestingOf(tree: SchemaTree): 'leaf' | 'struct' | 'list' | 'map' {
  const { element, children } = tree;
  if (element.repetition_type === 'REPEATED') return 'list';
  const [only, second] = children;
  if (!only) return 'leaf';
  if (second || only.element.repetition_type !== 'REPEATED') return 'struct';
  if (isList(tree)) return 'list';
  return isMap(tree) && only.children.length === 2 ? 'map' : 'struct';
}

export function isList({ element }: SchemaTree): boolean {
  return element.converted_type === 'LIST' || element.logical_type?.type === 'LIST';
}

export function isMap({ element }: SchemaTree): boolean {
  const { converted_type, logical_type } = element;
  return converted_type === 'MAP' || converted_type === 'MAP_KEY_VALUE' || logical_type?.type === 'MAP';
}

/** The values in a map. */
export function valueOfMap(tree: SchemaTree): SchemaTree {
  return tree.children[0]!.children[1]!;
}

/** The elements of a list. A repeated field that is the element itself stands for one that is always there. */
export function elementOfList(tree: SchemaTree): SchemaTree {
  const [only] = tree.children;
  const repeated = only && tree.element.repetition_type !== 'REPEATED' ? only : tree;
  const wrapped = repeated === tree ? undefined : wrappedElement(tree, repeated);
  return wrapped ?? { ...repeated, element: { ...repeated.element, repetition_type: 'REQUIRED' } };
}

/**
 * The element in the repeated group of a list; `undefined` if the group is the element. For old files, the rules are at
 * https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists.
 */
export function wrappedElement(tree: SchemaTree, repeated: SchemaTree): SchemaTree | undefined {
  const [only, second] = repeated.children;
  const { name } = repeated.element;
  const isWrapped =
    !second &&
    only?.element.repetition_type !== 'REPEATED' &&
    name !== 'array' &&
    name !== `${tree.element.name}_tuple`;
  return isWrapped ? only : undefined;
}
