import Hjson from 'hjson';
import { ConfigError, type ConfigProblem } from '../core/errors.js';

/**
 * Reads the text of a DeepSpeed configuration: JSON, Hjson (comments, trailing commas, bare keys), or either of them in URL-safe
 * base64, as DeepSpeed takes it on a command line.
 *
 * @throws {@link ConfigError} when it is none of them, and for every key that comes twice in one object.
 */
export function parseConfigText(text: string): unknown {
  const plain = decodeBase64(text) ?? text;
  const parsed = parseHjson(plain);
  const twice = repeatedKeys(parsed, '');
  if (twice.length > 0) throw new ConfigError('DeepSpeed configuration', twice);
  // Without the comments that were kept along the way.
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
    throw notAnObject((cause as Error).message, cause);
  }
  throw notAnObject('it is not an object', undefined);
}

function notAnObject(reason: string, cause: unknown): ConfigError {
  return new ConfigError('DeepSpeed configuration', [{ field: '', message: `is not JSON: ${reason}` }], {
    next: 'Give the text of the file, not its path.',
    cause,
  });
}

/** Keys that come twice in one object: the parser keeps the last one, and lists them all beside the comments. */
function repeatedKeys(value: unknown, prefix: string): ConfigProblem[] {
  if (typeof value !== 'object' || value === null) return [];
  const { __COMMENTS__: kept } = value as { __COMMENTS__?: { o?: readonly string[] } };
  const keys = kept?.o ?? [];
  const repeated = keys.filter((key, i) => keys.indexOf(key) < i);
  const here = repeated.map((key) => ({ field: `${prefix}${key}`, message: 'comes twice' }));
  const below = Object.entries(value).flatMap(([key, child]) => repeatedKeys(child, `${prefix}${key}.`));
  return [...here, ...below];
}
