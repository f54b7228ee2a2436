import { createHash } from 'node:crypto';
import { bytesPerElement, type DType } from '../../core/dtype.js';
import { FormatError, TruncatedFileError } from '../../core/errors.js';
import type { IndexFile, ItemIndex } from './index-file.js';
import { chooseDType, dtypesOfCode, isGuess } from './indexed-dataset-dtypes.js';
import {
  codeOffset,
  decodeHeader,
  headerBytes,
  magic,
  printableMagic,
  startsWith,
} from './indexed-dataset-header.js';
import { decodeLegacyIndex, legacyMagic } from './indexed-dataset-legacy.js';
import { readInt64Array } from './int64-array.js';

/**
 * Identifies the items by dtype, lengths and documents, and the length of the `.bin` file; the data itself is not read. The kind is
 * that of the files, because local and remote datasets of the same files have the same fingerprint.
 */
export function indexIdentity({ dtype, sizes, documentIndex }: ItemIndex, dataBytes: number) {
  const index = createHash('sha256').update(sizes).update(documentIndex).digest('hex');
  return { kind: 'IndexedDataset', dtype, length: sizes.length, dataBytes, index };
}

/**
 * Reads an index of either format, and checks that its parts agree with each other and with the length of the data. O(n + d)
 * time.
 *
 * @throws {@link FormatError}, {@link TruncatedFileError} with file and byteOffset.
 */
export function decodeIndex(source: IndexFile): ItemIndex {
  const { bytes, file } = source;
  const legacy = startsWith(bytes, legacyMagic);
  if (!legacy && !startsWith(bytes, magic)) {
    throw new FormatError(`The file is not the index of an indexed dataset`, {
      where: { file, byteOffset: 0, magic: printableMagic(bytes) },
      next: `Such a file begins with ${JSON.stringify(magic)}. Name the prefix of a .bin/.idx pair.`,
    });
  }
  const index = legacy ? decodeLegacyIndex(source) : decodeMappedIndex(source);
  checkDataLength(index, source);
  return index;
}

function decodeMappedIndex({ bytes, file, dataBytes, dtypeTable }: IndexFile): ItemIndex {
  const { code, items, documents } = decodeHeader(bytes, file);
  const pointersOffset = headerBytes + 4 * items;
  const documentsOffset = pointersOffset + 8 * items;
  // The header has 34 bytes, so that no array is aligned: each is copied once.
  const sizes = new Int32Array(bytes.slice(headerBytes, pointersOffset).buffer);
  const pointers = readInt64Array(bytes, pointersOffset, items);
  const documentIndex = readInt64Array(bytes, documentsOffset, documents);
  const dtype = chooseDType(dtypesOfCode(code, dtypeTable, file, codeOffset), sizes, pointers, dataBytes);
  checkPointers(sizes, pointers, bytesPerElement(dtype), file, pointersOffset);
  checkDocuments(documentIndex, items, file, documentsOffset);
  const modesOffset = documentsOffset + 8 * documents;
  const rest = bytes.length - modesOffset;
  if (rest !== 0 && rest !== items)
    throw damaged(`The index has ${rest} bytes after its arrays`, { file, byteOffset: modesOffset });
  return {
    dtype,
    isGuess: isGuess(code, dtypeTable) && sizes.some((size) => size > 0),
    sizes,
    pointers,
    documentIndex,
    ...(rest > 0 && { modes: new Int8Array(bytes.slice(modesOffset).buffer) }),
  };
}

/** Items are contiguous. */
function checkPointers(
  sizes: Int32Array,
  pointers: Float64Array,
  itemBytes: number,
  file: string,
  pointersOffset: number,
): void {
  let expected = 0;
  for (let item = 0; item < sizes.length; item++) {
    const size = sizes[item]!;
    if (size < 0) {
      throw damaged(`Item ${item} has a length of ${size}`, {
        file,
        byteOffset: headerBytes + 4 * item,
        item,
      });
    }
    if (pointers[item] !== expected) {
      throw damaged(
        `Item ${item} starts at byte ${pointers[item]}; those before it end at byte ${expected}`,
        {
          file,
          byteOffset: pointersOffset + 8 * item,
          item,
        },
      );
    }
    expected += size * itemBytes;
  }
}

function checkDocuments(documentIndex: Float64Array, items: number, file: string, start: number): void {
  let previous = 0;
  for (const [document, item] of documentIndex.entries()) {
    if (item < previous || item > items) {
      throw damaged(
        `Entry ${document} of the document index is ${item}, after ${previous}, of ${items} items`,
        {
          file,
          byteOffset: start + 8 * document,
        },
      );
    }
    previous = item;
  }
}

function damaged(what: string, where: { file: string; byteOffset: number; item?: number }): FormatError {
  return new FormatError(what, {
    where,
    next: 'The index is damaged, or dtypeTable names the wrong table: pass dtypeTable, or copy the file again.',
  });
}

/** Reports the first item that the data does not contain completely. */
function checkDataLength({ dtype, sizes, pointers }: ItemIndex, { dataFile, dataBytes }: IndexFile): void {
  const itemBytes = bytesPerElement(dtype);
  const last = sizes.length - 1;
  if (last < 0 || pointers[last]! + sizes[last]! * itemBytes <= dataBytes) return;
  const item = pointers.findIndex((pointer, i) => pointer + sizes[i]! * itemBytes > dataBytes);
  throw cutShort(
    dataFile,
    dtype,
    item,
    pointers[item]!,
    sizes[item]! * itemBytes,
    dataBytes - pointers[item]!,
  );
}

/** The error for an item beyond the end of the `.bin` file. */
export function cutShort(
  file: string,
  dtype: DType,
  item: number,
  byteOffset: number,
  needed: number,
  found: number,
): TruncatedFileError {
  return new TruncatedFileError(
    `Item ${item} is cut short: needed ${needed} bytes, found ${Math.max(0, found)}`,
    {
      where: { file, byteOffset, item, needed, found: Math.max(0, found), dtype },
      next: 'Copy or write the .bin file again, together with its .idx file.',
    },
  );
}
