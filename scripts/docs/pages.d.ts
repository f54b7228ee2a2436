/** Writes all pages; says how many, and which links lead nowhere, as `page: link`. */
export function writePages(
  root: string,
  out: string,
): { readonly pages: number; readonly broken: readonly string[] };
