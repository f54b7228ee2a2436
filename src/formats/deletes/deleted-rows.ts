import { FormatError } from '../../core/errors.js';
import { sharedBuffer } from '../../core/shared-buffer.js';
import { messageOf } from '../../core/thrown.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { crc32 } from '../parquet/crc32.js';
import { roaringNumbers } from './roaring-bitmap.js';

const magic = 1_681_511_377;

/**
 * The rows that a deletion vector lists, ascending. Delta and Iceberg share the format.
 *
 * @param rowCount - Number of rows that the data file stores.
 * @param cardinality - Number of deleted rows that the table says.
 * @throws {@link FormatError} if the vector is damaged or does not fit the file
 */
export function rowsOfVector(
  file: string,
  bytes: Uint8Array,
  { rowCount, cardinality }: { readonly rowCount: number; readonly cardinality: number },
): Float64Array {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < 12 || view.getInt32(0, true) !== magic) throw new Error('it does not begin as one');
    const deleted = roaringNumbers(bytes.subarray(4), rowCount);
    if (deleted.length !== cardinality)
      throw new Error(`it deletes ${deleted.length} rows, and the log says ${cardinality}`);
    return deleted;
  } catch (cause) {
    throw damagedVector(file, cause);
  }
}

/**
 * Reads a deletion vector from a file: its size and checksum are big-endian, around it.
 *
 * @param size - In bytes, without size and checksum.
 * @throws {@link FormatError} if it is damaged; {@link StorageError}
 */
export async function readVector(
  file: string,
  { start, size }: { readonly start: number; readonly size: number },
  options: StorageOptions,
  check: (firstByte: number) => string | undefined = () => undefined,
): Promise<Uint8Array> {
  const source = await openSource(file, options);
  try {
    const [firstByte = 0] = await source.read(0, 1);
    const problem = check(firstByte);
    if (problem !== undefined) throw damagedVector(file, new Error(problem));
    const stored = await source.read(start, start + 4 + size + 4);
    const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
    const bytes = stored.subarray(4, 4 + size);
    if (view.getUint32(0) !== size) throw damagedVector(file, new Error('its size is not what the log says'));
    if (view.getUint32(4 + size) !== crc32(bytes) >>> 0)
      throw damagedVector(file, new Error('its checksum does not match'));
    return bytes;
  } finally {
    source.close();
  }
}

/** The rows of a file that are not in an ascending list. */
export function rowsBesides(deleted: ArrayLike<number>, rowCount: number): Float64Array {
  const left = new Float64Array(sharedBuffer(8 * (rowCount - deleted.length)));
  let at = 0;
  for (let row = 0, k = 0; row < rowCount; row++) {
    if (deleted[k] === row) k++;
    else left[at++] = row;
  }
  return left;
}

export function damagedVector(file: string, cause: unknown): FormatError {
  return new FormatError(`A deletion vector of the table is damaged: ${messageOf(cause)}`, {
    where: { file },
    next: 'Copy the table again, with its files of deleted rows and all of its log.',
    cause,
  });
}
