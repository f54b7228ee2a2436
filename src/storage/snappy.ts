import { FormatError } from '../core/errors.js';

/** What the first bytes of raw Snappy data say of the length of its content. @throws {@link FormatError} where they say none */
export function snappyLength(bytes: Uint8Array): { readonly length: number; readonly headerBytes: number } {
  let length = 0;
  for (let k = 0; k < 5 && k < bytes.length; k++) {
    length += (bytes[k]! & 0x7f) * 2 ** (7 * k);
    if (bytes[k]! < 0x80) return { length, headerBytes: k + 1 };
  }
  throw damaged('it does not say its length');
}

/**
 * Decompresses raw Snappy data. Millrace has a decoder of its own because the one of hyparquet does not end on some damaged data.
 *
 * @param target - As long as {@link snappyLength} says.
 * @throws {@link FormatError} where the data is damaged.
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
    // Source and target of a copy may overlap: a short piece is repeated.
    for (let k = 0; k < count; k++, end++) target[end] = target[end - distance]!;
  }
  if (end !== length) throw damaged(`it ends after ${end} of ${length} bytes`);
}

function damaged(why: string): FormatError {
  return new FormatError(`The Snappy data is damaged: ${why}`, { next: 'Copy or compress the file again.' });
}
