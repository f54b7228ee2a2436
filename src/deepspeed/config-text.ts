import Hjson from 'hjson';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { propertyOf } from '../core/property-of.js';
import { messageOf } from '../core/thrown.js';

/** Hjson stores comments under this key, so it would mistake a key of this name for its own. */
const parserKey = '__COMMENTS__';

/**
 * Parses the text of a DeepSpeed configuration: JSON, Hjson (comments, trailing commas, bare keys), or either in
 * URL-safe base64, as DeepSpeed accepts it on a command line.
 *
 * @throws {@link ConfigError} if it is none of these, and for every key that occurs twice in one object.
 */
export function parseConfigText(text: string): unknown {
  const plain = decodeBase64(text) ?? text;
  if (plain.includes(parserKey))
    throw new ConfigError('DeepSpeed configuration', [
      { field: parserKey, message: 'is not a key of a configuration' },
    ]);
  const parsed = parseHjson(plain);
  const wrong = wrongKeys(parsed, '');
  if (wrong.length > 0) throw new ConfigError('DeepSpeed configuration', wrong);
  // Removes the comments that the parser kept.
  return JSON.parse(JSON.stringify(parsed));
}

function decodeBase64(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.length === 0 || !/^[\w-]+={0,2}$/.test(trimmed)) return undefined;
  return Buffer.from(trimmed, 'base64url').toString('utf8');
}

function parseHjson(text: string): object {
  try {
    const parsed: unknown = Hjson.parse(text, { keepWsc: true });
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch (cause) {
    throw notAnObject(messageOf(cause), cause);
  }
  throw notAnObject('it is not an object', undefined);
}

function notAnObject(reason: string, cause: unknown): ConfigError {
  return new ConfigError('DeepSpeed configuration', [{ field: '', message: `is not JSON: ${reason}` }], {
    next: 'Pass the text of the file, not its path.',
    cause,
  });
}

/** Keys that occur twice in one object, or that the parser may lose. It lists all keys next to the comments. */
function wrongKeys(value: unknown, prefix: string): ConfigProblem[] {
  if (typeof value !== 'object' || value === null) return [];
  const kept = propertyOf(propertyOf(value, '__COMMENTS__'), 'o');
  const keys: string[] = Array.isArray(kept) ? kept : [];
  const repeated = keys.filter((key, i) => keys.indexOf(key) < i);
  // Hjson assigns keys, so `__proto__` sets the prototype of the object, except in Deno, where it is a key like others.
  const lost = keys.filter((key) => key === '__proto__');
  const here = [
    ...repeated.map((key) => ({ field: `${prefix}${key}`, message: 'occurs twice' })),
    ...lost.map((key) => ({ field: `${prefix}${key}`, message: 'is not a key of a configuration' })),
  ];
  const below = Object.entries(value).flatMap(([key, child]) => wrongKeys(child, `${prefix}${key}.`));
  return [...here, ...below];
}
