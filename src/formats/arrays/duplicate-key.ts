/**
 * A key that one object of a JSON text has twice: `JSON.parse` keeps the last silently.
 *
 * @param text - Valid JSON.
 */
export function duplicateKey(text: string): string | undefined {
  /** The keys of each open object; `null` for an array. */
  const open: (Set<string> | null)[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else if (token.endsWith(':')) {
      const key: string = JSON.parse(token.slice(0, -1));
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
