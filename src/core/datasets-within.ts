/** A dataset, and all that it is made from, each once. */
export function datasetsWithin(dataset: object): Set<object> {
  const found = new Set<object>();
  const visit = (each: object & { readonly madeFrom?: readonly object[] | undefined }): void => {
    if (found.has(each)) return;
    found.add(each);
    for (const part of each.madeFrom ?? []) visit(part);
  };
  visit(dataset);
  return found;
}
