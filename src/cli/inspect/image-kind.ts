const beginnings: readonly (readonly [kind: string, bytes: readonly (number | undefined)[]])[] = [
  ['jpeg', [0xff, 0xd8, 0xff]],
  ['png', [0x89, 0x50, 0x4e, 0x47]],
  ['gif', [0x47, 0x49, 0x46, 0x38]],
  ['webp', [0x52, 0x49, 0x46, 0x46, undefined, undefined, undefined, undefined, 0x57, 0x45, 0x42, 0x50]],
];

/** Detects the kind of an image by its first bytes: the subtype of its `image/` media type. */
export function imageKind(bytes: Uint8Array): string | undefined {
  return beginnings.find(([, start]) =>
    start.every((byte, k) => byte === undefined || bytes[k] === byte),
  )?.[0];
}
