import { knownValue } from '../../core/known-value.js';

/** The columns of these names, in their order. Each is known. */
export function columnsNamed<C extends { readonly name: string }>(
  names: readonly string[],
  columns: readonly C[],
): C[] {
  const byName = new Map(columns.map((column) => [column.name, column]));
  return names.map((name) => knownValue(byName, name));
}
