import { fingerprint } from './fingerprint.js';
import type { Json } from './json.js';

/** JSON of an object, with a field `checksum` that covers the other fields. */
export function checkedJson(content: object, indent?: number): string {
  // As it will be read: fields that are undefined are not written.
  const plain = JSON.parse(JSON.stringify(content)) as Record<string, Json>;
  return JSON.stringify({ ...plain, checksum: fingerprint(plain) }, null, indent);
}

/**
 * Reads what {@link checkedJson} wrote. Text without a checksum was written by an earlier version, and is taken as it is.
 *
 * @throws SyntaxError where the text is not JSON of an object, or the checksum does not match.
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
