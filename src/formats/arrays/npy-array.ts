import { elementCount } from '../../core/tensor.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { checkDecompressed } from '../../storage/decompressed-limit.js';
import { MemorySource } from '../../storage/memory-source.js';
import type { StoredArray } from './array-rows.js';
import { type NpyArray, readNpyHeader } from './npy-header.js';
import { storedBytes } from './stored-dtype.js';

/** Bytes that are read and transposed at once. */
const blockBytes = 2 ** 22;

/**
 * Reads the header of an `.npy` file. An array in C order is read in place. An array in Fortran order has no contiguous rows:
 * it is read into memory and transposed.
 *
 * @param limit - Most memory for an array in Fortran order, in bytes.
 * @param begin - Offset of the file in the source, which may be an archive.
 * @param end - End of the file in the source.
 * @throws {@link FormatError}, {@link TruncatedFileError}
 */
export async function openNpyArray(
  source: ByteSource,
  limit: number,
  begin = 0,
  end = source.byteLength,
): Promise<StoredArray> {
  const { isFortran, ...array } = await readNpyHeader(source, begin, end);
  if (!isFortran || array.shape.length < 2) return array;
  return inRows(array, limit);
}

async function inRows(array: Omit<NpyArray, 'isFortran'>, limit: number): Promise<StoredArray> {
  const { source, dtype, shape, byteOffset } = array;
  const width = storedBytes(dtype);
  const [rows = 1, ...rest] = shape;
  const rowElements = elementCount(rest);
  const bytes = rows * rowElements * width;
  checkDecompressed(bytes, limit, { file: source.name, byteOffset });
  const ordered = new Uint8Array(new SharedArrayBuffer(bytes));
  let element = 0;
  for (let at = 0; at < bytes; at += blockBytes) {
    const block = await source.read(byteOffset + at, byteOffset + Math.min(bytes, at + blockBytes));
    for (let from = 0; from < block.length; ) {
      const column = Math.floor(element / rows);
      const row = element - column * rows;
      // The part of this column in the block.
      const count = Math.min(rows - row, (block.length - from) / width);
      let to = (row * rowElements + placeInRow(column, rest)) * width;
      for (let k = 0; k < count; k++) {
        for (let byte = 0; byte < width; byte++) ordered[to + byte] = block[from++]!;
        to += rowElements * width;
      }
      element += count;
    }
  }
  return { ...array, source: new MemorySource(ordered, source.name), byteOffset: 0 };
}

/** Position in C order of a row's element whose position in Fortran order is `column`. */
function placeInRow(column: number, shape: readonly number[]): number {
  let place = 0;
  let stride = elementCount(shape);
  let rest = column;
  for (const size of shape) {
    stride /= size;
    place += (rest % size) * stride;
    rest = Math.floor(rest / size);
  }
  return place;
}
