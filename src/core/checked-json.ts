import { fingerprint } from './fingerprint.js';
import type { Json } from './json.js';

/** Returns the JSON of an object, with a field `checksum` that covers the other fields. */
export function checkedJson(content: object, indent?: number): string {
  // Computed over what will be read: JSON omits fields that are undefined.
  const plain = JSON.parse(JSON.stringify(content)) as Record<string, Json>;
  return JSON.stringify({ ...plain, checksum: fingerprint(plain) }, null, indent);
}

/**
 * Parses what {@link checkedJson} returned. Text without a checksum comes from an earlier version and is accepted.
 *
 * @throws SyntaxError if the text is not JSON of an object, or the checksum does not match.
 */
export function parseCheckedJson(text: string): Record<string, unknown> {
  const parsed = JSON.parse(text) as unknown;
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new SyntaxError('It is not an object');
  const { checksum, ...content } = parsed as Record<string, Json>;
  if (checksum !== undefined && checksum !== fingerprint(content))
    throw new SyntaxError('Its checksum does not match');
  return content;
}
