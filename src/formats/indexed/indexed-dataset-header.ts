import { FormatError } from '../../core/errors.js';
import { truncated } from '../../storage/truncated.js';

// .idx, little endian throughout:
//   0   magic    9 bytes  MMIDIDX 00 00
//   9   version  uint64   1
//   17  code     uint8    type of the elements
//   18  items    uint64   n
//   26  documents uint64  d
//   34  sizes    int32    n   elements of each item
//       pointers int64    n   byte offset of each item in .bin
//       document index int64  d   item numbers, from 0
export const magic = 'MMIDIDX\0\0';
const versionOffset = 9;
export const codeOffset = 17;
const itemsOffset = 18;
export const documentsOffset = 26;
export const headerBytes = 34;
export const formatVersion = 1;

/** The header of an `.idx` file. */
export interface IndexHeader {
  /** Type code of the elements. */
  readonly code: number;
  /** Number of items. */
  readonly items: number;
  /** Length of the document index. */
  readonly documents: number;
}

/** The 34 bytes before the arrays. */
export function encodeHeader({ code, items, documents }: IndexHeader): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  bytes.set(new TextEncoder().encode(magic));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(versionOffset, BigInt(formatVersion), true);
  view.setUint8(codeOffset, code);
  view.setBigUint64(itemsOffset, BigInt(items), true);
  view.setBigUint64(documentsOffset, BigInt(documents), true);
  return bytes;
}

/**
 * Reads a header with a known magic.
 *
 * @throws {@link TruncatedFileError} if the file ends before the arrays that the header announces; {@link FormatError} for
 *   another version.
 */
export function decodeHeader(bytes: Uint8Array, file: string): IndexHeader {
  if (bytes.length < headerBytes) throw truncated(file, 0, headerBytes, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkVersion(view.getBigUint64(versionOffset, true), file, versionOffset);
  const items = Number(view.getBigUint64(itemsOffset, true));
  const documents = Number(view.getBigUint64(documentsOffset, true));
  const arrayBytes = 12 * items + 8 * documents;
  if (bytes.length - headerBytes < arrayBytes) {
    throw truncated(file, headerBytes, arrayBytes, bytes.length - headerBytes);
  }
  return { code: bytes[codeOffset]!, items, documents };
}

/** Checks the version. @throws {@link FormatError} */
export function checkVersion(version: bigint, file: string, byteOffset: number): void {
  if (version === BigInt(formatVersion)) return;
  throw new FormatError(`The index has version ${version}; version ${formatVersion} is known`, {
    where: { file, byteOffset, version },
    next: 'Write the dataset again with the tool that made it, in version 1, or use a later Millrace.',
  });
}

/** The first bytes of a file as text, for messages; unprintable bytes are escaped. */
export function printableMagic(bytes: Uint8Array): string {
  return JSON.stringify(String.fromCharCode(...bytes.subarray(0, magic.length)));
}

/** Whether a file begins with these characters. */
export function startsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}
