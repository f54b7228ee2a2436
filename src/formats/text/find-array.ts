import { ConfigError, FormatError } from '../../core/errors.js';
import { isRecord } from '../../core/record.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { findJsonValues, findValues } from './json-values.js';
import { startOfText } from './line-index.js';
import { parseJson } from './parse-json.js';

/**
 * Finds the elements of the array in a JSON file. Returns shape `[n + 1]`: the offset of each, and the end of the last one.
 *
 * @param field - Path to the array. Without it, the file is one array, lines, or a single object.
 * @throws {@link FormatError} if the file does not have the array; {@link ConfigError} for an object whose arrays `field` could name
 */
export async function findArray(source: ByteSource, field: string | undefined): Promise<Float64Array> {
  if (field !== undefined) return findValues(source, await startOfField(source, field), true);
  const bounds = await findJsonValues(source);
  if (bounds.length === 2) await checkSingle(source, bounds);
  return bounds;
}

/** An object with a list of objects is probably not meant as one sample. */
async function checkSingle(source: ByteSource, [start = 0, end = 0]: Float64Array): Promise<void> {
  const text = new TextDecoder().decode(await source.read(start, end)).trim();
  if (!text.startsWith('{')) return;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return; // Reading the sample says what is wrong with it.
  }
  if (!isRecord(value)) return;
  const lists = Object.entries(value).filter(
    ([, list]) => Array.isArray(list) && list.some((element) => typeof element === 'object' && element),
  );
  if (lists.length === 0) return;
  const names = lists.map(([name]) => name).join(', ');
  throw new ConfigError(
    'openDataset options',
    [{ field: 'field', message: `is needed: ${source.name} is one object with lists of records: ${names}` }],
    { next: `Name the list: { field: '${lists[0]![0]}' }.` },
  );
}

const quote = 34;
const backslash = 92;
const colon = 58;

/** Offset of the first byte after the `[` of the array that a path names. */
async function startOfField(source: ByteSource, path: string): Promise<number> {
  /** Steps of the path that are not yet matched. */
  let rest = path;
  /** Depth of the object whose keys are compared: 1 for the outermost. */
  let level = 1;
  let depth = 0;
  let text: number[] | undefined;
  let isEscaped = false;
  /** The last string, which is a key if a colon follows it. */
  let key: string | undefined;
  /** The key whose value comes next, if it is on the path. */
  let matched: string | undefined;
  const seen: string[] = [];
  let offset = await startOfText(source);
  for await (const piece of source.stream(offset)) {
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (text) {
        if (byte === quote && !isEscaped) {
          key = decoded(text);
          text = undefined;
        } else if (depth === level) text.push(byte);
        isEscaped = byte === backslash && !isEscaped;
        continue;
      }
      if (byte <= 32) continue;
      const open = byte === 123 || byte === 91;
      if (matched !== undefined) {
        const isLast = matched === rest;
        if (isLast && byte === 91) return offset + at + 1;
        if (isLast || byte !== 123) throw notAnArray(source, path, matched);
        rest = rest.slice(matched.length + 1);
        level++;
        matched = undefined;
        seen.length = 0;
      }
      if (open) {
        if (depth === 0 && byte === 91) throw notAnArray(source, path, undefined);
        depth++;
      } else if (byte === 125 || byte === 93) {
        depth--;
        if (depth < level) throw noField(source, path, rest, seen);
      } else if (byte === quote) {
        text = [];
        isEscaped = false;
      } else if (byte === colon && depth === level && key !== undefined) {
        seen.push(key);
        if (key === rest || rest.startsWith(`${key}.`)) matched = key;
      }
    }
    offset += piece.length;
  }
  throw noField(source, path, rest, seen);
}

function decoded(bytes: readonly number[]): string | undefined {
  try {
    const text: string = JSON.parse(`"${Buffer.from(bytes).toString()}"`);
    return text;
  } catch {
    return undefined;
  }
}

function notAnArray(source: ByteSource, path: string, key: string | undefined): FormatError {
  const what =
    key === undefined ? 'The file is an array, not an object' : `The field ${key} is not what the path needs`;
  return new FormatError(`${what}: ${path} must lead through objects to an array`, {
    where: { file: source.name, field: path },
    next:
      key === undefined
        ? 'Omit field: the elements of the array are the samples.'
        : 'Name the path to the array of records.',
  });
}

function noField(source: ByteSource, path: string, rest: string, seen: readonly string[]): FormatError {
  const listed = seen.slice(0, 20).join(', ') || 'none';
  return new FormatError(`The file has no field ${rest} on the path ${path}; there are ${listed}`, {
    where: { file: source.name, field: path },
    next: 'Name the path to the array of records.',
  });
}
