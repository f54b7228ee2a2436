import { FormatError } from '../core/errors.js';

/** The length of the content, from the first bytes of raw Snappy data. @throws {@link FormatError} if they hold no length */
export function snappyLength(bytes: Uint8Array): { readonly length: number; readonly headerBytes: number } {
  let length = 0;
  for (let k = 0; k < 5 && k < bytes.length; k++) {
    length += (bytes[k]! & 0x7f) * 2 ** (7 * k);
    if (bytes[k]! < 0x80) return { length, headerBytes: k + 1 };
  }
  throw damaged('it does not say its length');
}

/**
 * Decompresses raw Snappy data. (The decoder of hyparquet does not terminate on some damaged data.)
 *
 * @param target - Of the length that {@link snappyLength} returns.
 * @throws {@link FormatError} if the data is damaged.
 */
export function unsnappyInto(bytes: Uint8Array, target: Uint8Array): void {
  const { length, headerBytes } = snappyLength(bytes);
  if (length !== target.length) throw damaged(`it says a length of ${length}, and ${target.length} is right`);
  let at = headerBytes;
  let end = 0;
  const number = (count: number): number => {
    if (at + count > bytes.length) throw damaged('it is cut short');
    let value = 0;
    for (let k = 0; k < count; k++) value += bytes[at + k]! * 2 ** (8 * k);
    at += count;
    return value;
  };
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      const size = (tag >> 2) + 1;
      const count = size <= 60 ? size : number(size - 60) + 1;
      if (at + count > bytes.length || end + count > length) throw damaged('a literal is too long');
      target.set(bytes.subarray(at, at + count), end);
      at += count;
      end += count;
      continue;
    }
    const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const distance = kind === 1 ? ((tag >> 5) << 8) + number(1) : number(kind === 2 ? 2 : 4);
    if (distance === 0 || distance > end || end + count > length) throw damaged('a copy reaches too far');
    // Source and target of a copy may overlap, which repeats a short pattern.
    for (let k = 0; k < count; k++, end++) target[end] = target[end - distance]!;
  }
  if (end !== length) throw damaged(`it ends after ${end} of ${length} bytes`);
}

function damaged(why: string): FormatError {
  return new FormatError(`The Snappy data is damaged: ${why}`, { next: 'Copy or compress the file again.' });
}
