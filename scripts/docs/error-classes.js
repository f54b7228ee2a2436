/** Code, class and description of every error that the source of `core/errors.ts` declares, in its order. */
export function errorClasses(source) {
  const declared =
    /\/\*\* ([^\n]+) \*\/\nexport class (\w+) extends MillraceError \{\n {2}readonly code = '(\w+)';/g;
  return Array.from(source.matchAll(declared), ([, description, name, code]) => ({
    name,
    code,
    description,
  }));
}
