import type { ByteSource } from '../../storage/byte-source.js';
import { SharedNumbers } from '../records/shared-numbers.js';
import { startOfText } from '../text/line-index.js';

const lineFeed = 10;
const carriageReturn = 13;
const quote = 34;

/**
 * Finds the rows of a file, its header included. Returns shape `[n + 1]`: the offset of each, and the end of the last one. A
 * line feed within quotes is part of its field; a quote opens a field only at its beginning (RFC 4180). A carriage return alone
 * ends a row too. Blank lines belong to the row before.
 */
export async function findRows(source: ByteSource, delimiter: string): Promise<Float64Array> {
  const separator = delimiter.charCodeAt(0);
  const bounds = new SharedNumbers();
  let offset = await startOfText(source);
  let begun: number | undefined = offset;
  let inQuotes = false;
  let atField = true;
  for await (const piece of source.stream(offset)) {
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (begun !== undefined && byte !== lineFeed && byte !== carriageReturn) {
        bounds.push(begun);
        begun = undefined;
        atField = true;
      }
      // A doubled quote within quotes closes and reopens the field.
      if (byte === quote) {
        if (inQuotes) {
          inQuotes = false;
          atField = true;
          continue;
        }
        if (atField) inQuotes = true;
      } else if ((byte === lineFeed || byte === carriageReturn) && !inQuotes) begun = offset + at + 1;
      atField = byte === separator;
    }
    offset += piece.length;
  }
  if (bounds.length > 0) bounds.push(source.byteLength);
  return bounds.shared();
}
