interface Level {
  /** Keys of the object so far, or `undefined` in a list. */
  readonly keys: Set<string> | undefined;
  /** Where the object is: its path and a dot, or nothing at the top. */
  readonly prefix: string;
  lastKey: string;
  expectsKey: boolean;
}

/**
 * Keys that come twice in one object of a JSON text, as paths. `JSON.parse` keeps the last one and says nothing.
 *
 * @param json - Text that `JSON.parse` accepts.
 */
export function duplicateKeys(json: string): string[] {
  const duplicates: string[] = [];
  const levels: Level[] = [];
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    const level = levels.at(-1);
    if (token === '{' || token === '[') {
      const prefix = level ? `${level.prefix}${level.lastKey}${level.lastKey && '.'}` : '';
      levels.push({
        keys: token === '{' ? new Set() : undefined,
        prefix,
        lastKey: '',
        expectsKey: token === '{',
      });
    } else if (token === '}' || token === ']') {
      levels.pop();
    } else if (token === ',') {
      if (level?.keys) level.expectsKey = true;
    } else if (level?.keys && level.expectsKey) {
      const key = JSON.parse(token) as string;
      if (level.keys.has(key)) duplicates.push(`${level.prefix}${key}`);
      level.keys.add(key);
      level.lastKey = key;
      level.expectsKey = false;
    }
  }
  return duplicates;
}
