import { Buffer } from 'node:buffer';
import { FormatError } from '../../core/errors.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { SharedNumbers } from '../records/shared-numbers.js';

const lineFeed = 10;
const byteOrderMark = [0xef, 0xbb, 0xbf];

/** Whether a byte is white space within a line. */
function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 13 || byte === 9;
}

/**
 * Finds the lines of a text file. Returns shape `[n + 1]`: the offset of each, and the end of the last one. A line includes its
 * line feed. Reads the file once, at about 1 GB/s.
 *
 * @param keepBlank - Whether blank lines are lines; otherwise they belong to the line before.
 */
export async function findLines(source: ByteSource, keepBlank: boolean): Promise<Float64Array> {
  const bounds = new SharedNumbers();
  let offset = await startOfText(source);
  /** Offset of a line of which only white space has been read. */
  let begun: number | undefined = offset;
  for await (const piece of source.stream(offset)) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let at = 0; at < bytes.length; ) {
      if (begun !== undefined) {
        while (!keepBlank && isBlank(bytes[at])) at++;
        if (at === bytes.length) break;
        if (keepBlank || bytes[at] !== lineFeed) bounds.push(begun);
        begun = undefined;
      }
      const end = bytes.indexOf(lineFeed, at);
      if (end < 0) break;
      at = end + 1;
      begun = offset + at;
    }
    offset += bytes.length;
  }
  if (bounds.length === 1) await checkLineEnds(source);
  if (bounds.length > 0) bounds.push(source.byteLength);
  return bounds.shared();
}

/** Bytes of a single line that are searched for other line endings. */
const lookedAt = 65_536;

/** A file whose lines end in carriage returns only would be a single sample. */
export async function checkLineEnds(source: ByteSource): Promise<void> {
  const head = await source.read(0, Math.min(lookedAt, source.byteLength));
  const at = Buffer.from(head.buffer, head.byteOffset, head.byteLength).indexOf('\r');
  if (at < 0 || at + 1 >= head.length || head[at + 1] === lineFeed || head.subarray(at).every(isBlank))
    return;
  throw new FormatError('The lines of the file end in carriage returns alone', {
    where: { file: source.name, byteOffset: at },
    next: "Write it again with line feeds: tr '\\r' '\\n' does it.",
  });
}

/**
 * Offset of the text: after the byte order mark, if there is one. @throws {@link FormatError} for an encoding other than UTF-8
 */
export async function startOfText(source: ByteSource): Promise<number> {
  const head = await source.read(0, Math.min(4, source.byteLength));
  const [first, second] = head;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const isUtf32 = first === 0 && second === 0 && head[2] === 0xfe && head[3] === 0xff;
  if (isUtf16 || isUtf32) {
    throw new FormatError('The file is text in UTF-16 or UTF-32, as its byte order mark says', {
      where: { file: source.name, byteOffset: 0 },
      next: 'Write it again in UTF-8: iconv -f UTF-16 -t UTF-8 does it.',
    });
  }
  return byteOrderMark.every((byte, k) => head[k] === byte) ? byteOrderMark.length : 0;
}
