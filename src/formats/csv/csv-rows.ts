import type { ByteSource } from '../../storage/byte-source.js';
import { SharedNumbers } from '../records/shared-numbers.js';
import { startOfText } from '../text/line-index.js';

const lineFeed = 10;
const carriageReturn = 13;
const quote = 34;

/**
 * Where the rows of a file of separated values begin, and where the last one ends: shape `[n + 1]`, the header with them. A line feed
 * in quotes is part of its field; a quote means that only at the beginning of a field (RFC 4180). A carriage return alone ends a row
 * too. Blank lines belong to the row before.
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
      // Two quotes in quotes are one of the field: they end it and begin it again.
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
