import { asBuffer } from '../records/as-buffer.js';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8. @throws Error if the bytes are not UTF-8 */
export function utf8Text(bytes: Uint8Array): string {
  return utf8Texts(bytes)(0, bytes.length);
}

/** Decodes slices of memory like {@link utf8Text}, without an object per slice. */
export function utf8Texts(bytes: Uint8Array): (start: number, end: number) => string {
  const buffer = asBuffer(bytes);
  return (start, end) => {
    const text = buffer.toString('utf8', start, end);
    // Buffers decode invalid bytes to this character, which the text may also contain.
    if (!text.includes('\ufffd')) return text;
    try {
      return strict.decode(bytes.subarray(start, end));
    } catch (cause) {
      throw new Error('text is not UTF-8', { cause });
    }
  };
}
