import { asBuffer } from '../records/as-buffer.js';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text that is stored as UTF-8. @throws Error where the bytes are not, instead of other text */
export function utf8Text(bytes: Uint8Array): string {
  return utf8Texts(bytes)(0, bytes.length);
}

/** Gives pieces of memory as {@link utf8Text}, without an object for each piece. */
export function utf8Texts(bytes: Uint8Array): (start: number, end: number) => string {
  const buffer = asBuffer(bytes);
  return (start, end) => {
    const text = buffer.toString('utf8', start, end);
    // Buffers put this character in the place of what they cannot decode; it may also be part of the text.
    if (!text.includes('\ufffd')) return text;
    try {
      return strict.decode(bytes.subarray(start, end));
    } catch (cause) {
      throw new Error('text is not UTF-8', { cause });
    }
  };
}
