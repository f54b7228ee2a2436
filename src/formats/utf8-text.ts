import { asBuffer } from './as-buffer.js';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text that is stored as UTF-8. @throws Error where the bytes are not, instead of other text */
export function utf8Text(bytes: Uint8Array): string {
  const text = asBuffer(bytes).toString('utf8');
  // Buffers put this character in the place of what they cannot decode; it may also be part of the text.
  if (!text.includes('\ufffd')) return text;
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw new Error('text is not UTF-8', { cause });
  }
}
