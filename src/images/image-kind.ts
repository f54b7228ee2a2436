import { isBmp } from './decode-bmp.js';
import { isPnm } from './decode-pnm.js';

const beginnings: readonly (readonly [kind: string, bytes: readonly (number | undefined)[]])[] = [
  ['jpeg', [0xff, 0xd8, 0xff]],
  ['png', [0x89, 0x50, 0x4e, 0x47]],
  ['gif', [0x47, 0x49, 0x46, 0x38]],
  ['webp', [0x52, 0x49, 0x46, 0x46, undefined, undefined, undefined, undefined, 0x57, 0x45, 0x42, 0x50]],
  ['tiff', [0x49, 0x49, 0x2a, 0x00]],
  ['tiff', [0x4d, 0x4d, 0x00, 0x2a]],
  ['avif', [undefined, undefined, undefined, undefined, 0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69, 0x66]],
  ['avif', [undefined, undefined, undefined, undefined, 0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69, 0x73]],
];

/** Detects the kind of an image by its first bytes: the subtype of its `image/` media type. */
export function imageKind(bytes: Uint8Array): string | undefined {
  const kind = beginnings.find(([, start]) =>
    start.every((byte, k) => byte === undefined || bytes[k] === byte),
  )?.[0];
  if (kind) return kind;
  if (isPnm(bytes)) return 'x-portable-anymap';
  // Two letters alone begin many texts: the size of the header decides.
  return isBmp(bytes) && bytes.length > 26 && bytes[15] === 0 && bytes[16] === 0 ? 'bmp' : undefined;
}
