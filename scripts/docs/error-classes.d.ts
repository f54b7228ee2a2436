/** Code, class and description of every error that the source of `core/errors.ts` declares. */
export function errorClasses(
  source: string,
): readonly { readonly name: string; readonly code: string; readonly description: string }[];
