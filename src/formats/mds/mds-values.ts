import { type DType, viewOf } from '../../core/dtype.js';
import { ownValue } from '../../core/record.js';
import { elementCount, type Tensor } from '../../core/tensor.js';
import { type StoredDType, sampleDType, storedBytes, unpack } from '../arrays/stored-dtype.js';
import { parseJson } from '../text/parse-json.js';

/** Decodes the stored bytes of a value. */
export type MdsDecoder = (bytes: Buffer) => unknown;

const text = new TextDecoder('utf-8', { fatal: true });

const scalars: Readonly<Record<string, MdsDecoder>> = {
  int: (bytes) => bytes.readBigInt64LE(),
  int8: (bytes) => bytes.readInt8(),
  int16: (bytes) => bytes.readInt16LE(),
  int32: (bytes) => bytes.readInt32LE(),
  int64: (bytes) => bytes.readBigInt64LE(),
  uint8: (bytes) => bytes.readUInt8(),
  uint16: (bytes) => bytes.readUInt16LE(),
  uint32: (bytes) => bytes.readUInt32LE(),
  uint64: (bytes) => bytes.readBigUInt64LE(),
  float16: (bytes) => tensorOf('float16', [], bytes).data[0],
  float32: (bytes) => bytes.readFloatLE(),
  float64: (bytes) => bytes.readDoubleLE(),
  str: (bytes) => text.decode(bytes),
  str_int: (bytes) => pythonInt(text.decode(bytes)),
  str_float: (bytes) => pythonFloat(text.decode(bytes)),
  str_decimal: (bytes) => text.decode(bytes),
  json: (bytes) => parseJson(text.decode(bytes)),
};

/** Encodings that stay bytes: transforms decode images. */
const opaque = new Set([
  'bytes',
  'pil',
  'jpeg',
  'jpeg_array',
  'jpegarray',
  'png',
  'list[pil]',
  'list[jpeg]',
  'list[png]',
]);

/** Dtype codes of arrays that store their dtype. */
const dtypeByCode: Readonly<Record<number, StoredDType>> = {
  8: 'uint8',
  9: 'int8',
  16: 'uint16',
  17: 'int16',
  18: 'float16',
  32: 'uint32',
  33: 'int32',
  34: 'float32',
  64: 'uint64',
  65: 'int64',
  66: 'float64',
};

/** The output of Python's `str(int)`. */
function pythonInt(written: string): bigint {
  if (/^-?\d+$/.test(written)) return BigInt(written);
  throw new Error(`${JSON.stringify(written)} is not a whole number`);
}

/** The output of Python's `str(float)`. */
function pythonFloat(written: string): number {
  if (/^-?\d+(\.\d*)?(e[+-]?\d+)?$/.test(written)) return Number(written);
  const [, sign, special] = /^(-?)(inf|nan)$/.exec(written) ?? [];
  if (special === 'nan') return Number.NaN;
  if (special === 'inf') return sign ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  throw new Error(`${JSON.stringify(written)} is not a number`);
}

/** The decoder of an encoding; `undefined` if there is none, as for pickled objects, which could run code. */
export function mdsDecoder(encoding: string): MdsDecoder | undefined {
  if (opaque.has(encoding)) return (bytes) => Uint8Array.from(bytes);
  if (encoding !== 'ndarray' && !encoding.startsWith('ndarray:')) return ownValue(scalars, encoding);
  const [, dtype, shape] = encoding.split(':');
  const known = Object.values(dtypeByCode).find((candidate) => candidate === dtype);
  if (dtype && !known) return undefined;
  return (bytes) => arrayOf(bytes, known, shape?.split(',').map(Number));
}

/**
 * An array that stores what its encoding leaves open: a byte for the dtype, a byte for the number and width of dimensions, then
 * the shape.
 */
function arrayOf(
  bytes: Buffer,
  dtype: StoredDType | undefined,
  shape: readonly number[] | undefined,
): Tensor {
  let at = 0;
  const stored = dtype ?? dtypeByCode[bytes.readUInt8(at++)];
  if (!stored) throw new Error(`its dtype has the code ${bytes[0]}`);
  let dimensions = shape;
  if (!dimensions) {
    const header = bytes.readUInt8(at++);
    const width = 2 ** (header % 4);
    dimensions = Array.from({ length: header >> 2 }, () => {
      const size = width === 8 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUIntLE(at, width);
      at += width;
      return size;
    });
  }
  return tensorOf(stored, dimensions, bytes.subarray(at));
}

function tensorOf(stored: StoredDType, shape: readonly number[], bytes: Uint8Array): Tensor {
  const elements = elementCount(shape);
  if (bytes.length !== elements * storedBytes(stored))
    throw new Error(
      `a shape of [${shape}] needs ${elements * storedBytes(stored)} bytes, and it has ${bytes.length}`,
    );
  const dtype: DType = sampleDType(stored);
  const target = new Uint8Array(bytes.length * (stored === dtype ? 1 : 2));
  unpack(stored, bytes, target);
  return { dtype, shape, data: viewOf(dtype, target.buffer, 0, elements) };
}
