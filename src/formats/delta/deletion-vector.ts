// Deletion vectors: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#deletion-vector-format
import type { StorageOptions } from '../../storage/storage-options.js';
import { damagedVector, readVector, rowsBesides, rowsOfVector } from '../deletes/deleted-rows.js';
import { tableLocation } from './table-location.js';

/** Where the log says that the deleted rows of a data file are listed. */
export interface DeletionVector {
  /** `i`: in the log; `u`: a file of the table, named by a UUID; `p`: a file with an absolute path. */
  readonly storageType: string;
  readonly pathOrInlineDv: string;
  readonly offset?: number | null;
  readonly sizeInBytes: number;
  /** Number of deleted rows. */
  readonly cardinality: number | bigint;
}

const formatVersion = 1;

/** Identifies a deletion vector within its table. */
export function nameOfVector({ storageType, pathOrInlineDv, offset }: DeletionVector): string {
  return `${storageType}${pathOrInlineDv}${offset === null || offset === undefined ? '' : `@${offset}`}`;
}

/**
 * The rows of a data file that are not deleted, ascending.
 *
 * @param rowCount - Number of rows that the file stores.
 * @throws {@link FormatError} if the vector is damaged or does not fit the file; {@link StorageError}
 */
export async function rowsLeft(
  table: string,
  vector: DeletionVector,
  rowCount: number,
  options: StorageOptions,
): Promise<Float64Array> {
  const { pathOrInlineDv, sizeInBytes } = vector;
  if (typeof pathOrInlineDv !== 'string' || !Number.isSafeInteger(sizeInBytes) || sizeInBytes < 0)
    throw damagedVector(table, new Error('the log does not say where it is'));
  const { file, bytes } = await bytesOf(table, vector, options);
  const deleted = rowsOfVector(file, bytes, { rowCount, cardinality: Number(vector.cardinality) });
  return rowsBesides(deleted, rowCount);
}

async function bytesOf(
  table: string,
  { storageType, pathOrInlineDv, offset, sizeInBytes }: DeletionVector,
  options: StorageOptions,
): Promise<{ readonly file: string; readonly bytes: Uint8Array }> {
  if (storageType === 'i') {
    const bytes = z85Bytes(table, pathOrInlineDv);
    if (bytes.length < sizeInBytes) throw damagedVector(table, new Error('it is cut short'));
    return { file: table, bytes: bytes.subarray(0, sizeInBytes) };
  }
  const file = storageType === 'u' ? fileOfUuid(table, pathOrInlineDv) : tableLocation(table, pathOrInlineDv);
  // A byte with the version of the format begins the file.
  const bytes = await readVector(file, { start: offset ?? 1, size: sizeInBytes }, options, (version) =>
    version === formatVersion ? undefined : `it has the version ${version}`,
  );
  return { file, bytes };
}

/** The last 20 characters are a UUID in Z85; those before it are a folder. */
function fileOfUuid(table: string, name: string): string {
  const hex = Buffer.from(z85Bytes(table, name.slice(-20))).toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const folder = name.slice(0, -20);
  return tableLocation(table, `${folder === '' ? '' : `${folder}/`}deletion_vector_${uuid}.bin`);
}

const z85Characters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** Decodes Z85 (https://rfc.zeromq.org/spec/32/): 5 characters are 4 bytes. */
function z85Bytes(table: string, text: string): Uint8Array {
  const bytes = new Uint8Array((4 * text.length) / 5);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at += 5) {
    let value = 0;
    for (const character of text.slice(at, at + 5)) {
      const digit = z85Characters.indexOf(character);
      value = digit < 0 ? Number.NaN : 85 * value + digit;
    }
    if (!(value < 2 ** 32) || at + 5 > text.length)
      throw damagedVector(table, new Error('its text is not Z85'));
    view.setUint32((4 * at) / 5, value);
  }
  return bytes;
}
