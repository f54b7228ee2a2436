import { Buffer } from 'node:buffer';
import { FormatError } from '../../core/errors.js';
import { ownValue } from '../../core/record.js';
import { elementCount } from '../../core/tensor.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { truncated } from '../../storage/truncated.js';
import type { StoredArray } from './array-rows.js';
import { type StoredDType, storedBytes } from './stored-dtype.js';

/** numpy's dtype codes, without the byte order before them: `<`, `>`, or `|` for single bytes. */
const dtypeByCode: Readonly<Record<string, StoredDType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

/** The array of an `.npy` file as its header describes it. */
export interface NpyArray extends StoredArray {
  /** Whether the first dimension varies fastest: columns are contiguous, not rows. */
  readonly isFortran: boolean;
}

/** Most bytes of a header, which is padded to a few hundred bytes; a larger length is damage. */
const longestHeader = 2 ** 20;

/**
 * Reads the header of an `.npy` file: magic, version, and a Python dictionary (NEP 1, versions 1 to 3).
 *
 * @param begin - Offset of the file in the source, which may be an archive.
 * @param end - End of the file in the source.
 * @throws {@link FormatError} if it is not an `.npy` file or its array has no rows of numbers; {@link TruncatedFileError}.
 */
export async function readNpyHeader(
  source: ByteSource,
  begin = 0,
  end = source.byteLength,
): Promise<NpyArray> {
  const start = Buffer.from(await source.read(begin, Math.min(begin + 12, end)));
  if (start.length < 10 || start.toString('latin1', 0, 6) !== '\x93NUMPY')
    throw damaged(source, 'it does not begin with \\x93NUMPY');
  const major = start[6]!;
  if (major < 1 || major > 3) throw damaged(source, `its version is ${major}`);
  const prefix = major === 1 ? 10 : 12;
  if (start.length < prefix) throw truncated(source.name, begin, prefix, start.length);
  const length = major === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  const headerStart = begin + prefix;
  const byteOffset = headerStart + length;
  if (length > longestHeader) throw damaged(source, `its header would have ${length} bytes`);
  if (byteOffset > end) throw truncated(source.name, headerStart, length, end - headerStart);
  const header = Buffer.from(await source.read(headerStart, byteOffset)).toString('latin1');
  const [, code] = /'descr':\s*'([^']*)'/.exec(header) ?? [];
  const [, order] = /'fortran_order':\s*(True|False)/.exec(header) ?? [];
  const [, shape] = /'shape':\s*\(([\dL,\s]*)\)/.exec(header) ?? [];
  if (code === undefined && header.includes("'descr': ["))
    throw unsupported(source, 'records with named fields', 'array[field]');
  if (code === undefined || order === undefined || shape === undefined)
    throw damaged(source, 'its header does not say dtype, order and shape');
  const dtype = ownValue(dtypeByCode, code.slice(1));
  if (!dtype) throw unsupported(source, `elements of the dtype ${code}`, "array.astype('float32')");
  // Python 2 wrote an L after long integers.
  const dimensions = shape
    .split(',')
    .map((text) => text.trim().replace(/L$/, ''))
    .filter((text) => text !== '')
    .map(Number);
  const bytes = elementCount(dimensions) * storedBytes(dtype);
  if (![...dimensions, bytes].every((size) => Number.isSafeInteger(size)))
    throw damaged(source, `its shape is (${shape.slice(0, 100)})`);
  if (byteOffset + bytes > end) throw truncated(source.name, byteOffset, bytes, end - byteOffset);
  const isBigEndian = code.startsWith('>') && storedBytes(dtype) > 1;
  return { source, dtype, shape: dimensions, byteOffset, isBigEndian, isFortran: order === 'True' };
}

function damaged(source: ByteSource, why: string): FormatError {
  return new FormatError(`This is not an .npy file: ${why}`, {
    where: { file: source.name, byteOffset: 0 },
    next: 'Name a file that numpy.save has written.',
  });
}

function unsupported(source: ByteSource, what: string, instead: string): FormatError {
  return new FormatError(`The array has ${what}, which tensors cannot hold`, {
    where: { file: source.name },
    next: `Save ${instead} instead.`,
  });
}
