/**
 * A pattern of a data set's card as a regular expression. The syntax is that of fsspec and Python: `*` and `?` match no slash, `**` any
 * folders, `[abc]` and `[!abc]` one character; braces and parentheses stand for themselves.
 *
 * @param pattern - Relative to the repository. Must not have `**` within a part: see {@link isValidGlob}.
 */
export function globExpression(pattern: string): RegExp {
  const parts = pattern.split('/');
  const last = parts.length - 1;
  const source = parts.map((part, k) => {
    if (part === '**') return k < last ? '(?:.+/)?' : '.*';
    if (part === '*') return k < last ? '[^/]+/' : '[^/]+';
    return partSource(part) + (k < last ? '/' : '');
  });
  return new RegExp(`^${source.join('')}$`, 's');
}

/** Whether `**` is a whole part of the path wherever it occurs. */
export function isValidGlob(pattern: string): boolean {
  return pattern.split('/').every((part) => part === '**' || !part.includes('**'));
}

/** Whether a pattern matches more than one name. */
export function isGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

function partSource(part: string): string {
  let source = '';
  for (let at = 0; at < part.length; at++) {
    const character = part[at]!;
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '[') {
      // A bracket directly after the opening one is a member of the class.
      const end = part.indexOf(']', at + (part[at + 1] === '!' ? 3 : 2));
      if (end < 0) source += '\\[';
      else {
        source += classSource(part.slice(at + 1, end));
        at = end;
      }
    } else source += escaped(character);
  }
  return source;
}

function classSource(members: string): string {
  const isNegated = members.startsWith('!');
  const listed = (isNegated ? members.slice(1) : members).replace(/[\\\]^[]/g, '\\$&');
  return `(?!/)[${isNegated ? '^' : ''}${listed}]`;
}

function escaped(character: string): string {
  return /[.*+?^${}()|[\]\\]/.test(character) ? `\\${character}` : character;
}
