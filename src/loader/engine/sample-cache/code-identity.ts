type Hash = ReturnType<ReturnType<typeof process.getBuiltinModule<'node:crypto'>>['createHash']>;

/** Imports of other files by relative path, static or dynamic. */
const relativeImports = /(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/**
 * Identifies recipes: their names and options, the bytes of their arrays, and the text of the modules that they name with all files
 * that these import by relative path. Packages count by name, not by content.
 *
 * @returns SHA-256 in hexadecimal
 */
export function identityOfCode(described: unknown): string {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  feed(hash, described);
  return hash.digest('hex');
}

/** Writes a value such that different values give different bytes. */
function feed(hash: Hash, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    const text = String(value);
    hash.update(`${typeof value} ${text.length} ${text};`);
  } else if (ArrayBuffer.isView(value)) {
    hash.update(`${value.constructor.name} ${value.byteLength};`);
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    feed(hash, new Uint8Array(value));
  } else if (Array.isArray(value)) {
    hash.update(`array ${value.length};`);
    for (const entry of value) feed(hash, entry);
  } else if (value instanceof Map || value instanceof Set) {
    hash.update(value.constructor.name);
    feed(hash, [...value]);
  } else if (value instanceof Date || value instanceof RegExp || value instanceof URL) {
    feed(hash, `${value.constructor.name} ${String(value)}`);
  } else {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(`object ${entries.length};`);
    for (const [key, entry] of entries) {
      feed(hash, key);
      if (key === 'module' && typeof entry === 'string') feedModule(hash, entry, new Set());
      else feed(hash, entry);
    }
  }
}

/** Writes the text of a module and of the files that it imports by relative path. */
function feedModule(hash: Hash, url: string, seen: Set<string>): void {
  if (seen.has(url)) return;
  seen.add(url);
  if (!url.startsWith('file:')) {
    feed(hash, url);
    return;
  }
  const text = textOf(url);
  feed(hash, text ?? url);
  for (const [, path = ''] of (text ?? '').matchAll(relativeImports))
    feedModule(hash, new URL(path, url).href, seen);
}

/** The text of a file; `undefined` if it cannot be read: the import itself will say so. */
function textOf(url: string): string | undefined {
  try {
    const { pathname, search } = new URL(url);
    return `${search} ${process.getBuiltinModule('node:fs').readFileSync(new URL(`file://${pathname}`), 'utf8')}`;
  } catch {
    return undefined;
  }
}
