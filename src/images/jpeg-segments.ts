/** What the segments before the pixels of a JPEG say. */
export interface JpegFacts {
  /** Orientation by EXIF, 1 to 8: 1 is upright. */
  readonly orientation: number;
  /** Whether a color profile (ICC) is embedded. */
  readonly hasProfile: boolean;
}

const startOfScan = 0xda;
const app1 = 0xe1;
const app2 = 0xe2;
const orientationTag = 0x0112;

/** Reads orientation and profile of a JPEG. Damaged segments count as absent: the decoder judges the file. */
export function jpegFacts(bytes: Uint8Array): JpegFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let hasProfile = false;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const kind = bytes[at + 1]!;
    if (kind === startOfScan) break;
    const end = at + 2 + view.getUint16(at + 2);
    if (kind === app1 && hasName(bytes, at + 4, 'Exif\0\0'))
      orientation = exifOrientation(bytes.subarray(at + 10, end)) ?? orientation;
    if (kind === app2 && hasName(bytes, at + 4, 'ICC_PROFILE\0')) hasProfile = true;
    at = end;
  }
  return { orientation, hasProfile };
}

function hasName(bytes: Uint8Array, at: number, name: string): boolean {
  return String.fromCharCode(...bytes.subarray(at, at + name.length)) === name;
}

/** The orientation of a TIFF header, which is what EXIF is. */
function exifOrientation(bytes: Uint8Array): number | undefined {
  if (bytes.length < 10) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLittle = bytes[0] === 0x49;
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > bytes.length) return undefined;
  const entries = view.getUint16(directory, isLittle);
  for (let k = 0, at = directory + 2; k < entries && at + 12 <= bytes.length; k++, at += 12) {
    if (view.getUint16(at, isLittle) !== orientationTag) continue;
    const value = view.getUint16(at + 8, isLittle);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}
