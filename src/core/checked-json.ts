import { fingerprint } from './fingerprint.js';
import { isJsonObject, type Json, type JsonObject } from './json.js';

/** Returns the JSON of an object, with a field `checksum` that covers the other fields. */
export function checkedJson(content: object, indent?: number): string {
  // Computed over what will be read: JSON omits fields that are undefined.
  const plain: JsonObject = JSON.parse(JSON.stringify(content));
  return JSON.stringify({ ...plain, checksum: fingerprint(plain) }, null, indent);
}

/**
 * Parses what {@link checkedJson} returned. Text without a checksum comes from an earlier version and is accepted.
 *
 * @typeParam T - What was written. Only the checksum is verified.
 * @throws SyntaxError if the text is not JSON of an object, or the checksum does not match.
 */
export function parseCheckedJson<T extends object = Record<string, unknown>>(text: string): T {
  const parsed: Json = JSON.parse(text);
  if (!isJsonObject(parsed)) throw new SyntaxError('It is not an object');
  const { checksum, ...content } = parsed;
  if (checksum !== undefined && checksum !== fingerprint(content))
    throw new SyntaxError('Its checksum does not match');
  return content as object as T;
}
