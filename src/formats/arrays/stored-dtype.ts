import { bytesPerElement, type DType, isDType } from '../../core/dtype.js';

/** Floats of one or two bytes, which are widened to float32. */
type NarrowFloat = 'float16' | 'bfloat16' | 'float8_e4m3' | 'float8_e5m2' | 'float8_e8m0';

/** Dtype of stored elements: a dtype of tensors, or a narrow float. */
export type StoredDType = DType | NarrowFloat;

/** Bytes per stored element. */
export function storedBytes(stored: StoredDType): number {
  if (isDType(stored)) return bytesPerElement(stored);
  return stored.startsWith('float8') ? 1 : 2;
}

/** The dtype of samples of this stored dtype. */
export function sampleDType(stored: StoredDType): DType {
  return isDType(stored) ? stored : 'float32';
}

/** Converts little-endian stored elements into `target`, which has the sample's dtype. */
export function unpack(stored: StoredDType, bytes: Uint8Array, target: Uint8Array): void {
  if (isDType(stored)) {
    target.set(bytes);
    return;
  }
  const words = new DataView(target.buffer, target.byteOffset, target.byteLength);
  if (storedBytes(stored) === 1) {
    const values = float8Values(stored);
    for (let i = 0; i < bytes.length; i++) words.setFloat32(4 * i, values[bytes[i]!]!, true);
    return;
  }
  const halves = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; 2 * i < bytes.length; i++) {
    const half = halves.getUint16(2 * i, true);
    // A bfloat16 is the upper half of a float32.
    if (stored === 'bfloat16') words.setUint32(4 * i, half << 16, true);
    else words.setFloat32(4 * i, smallFloat(half, 5, 10), true);
  }
}

const float8Tables = new Map<NarrowFloat, Float32Array>();

/** Values of all 256 bytes in an 8-bit format of the Open Compute Project (OFP8, MX). */
function float8Values(stored: NarrowFloat): Float32Array {
  const known = float8Tables.get(stored);
  if (known) return known;
  const values = Float32Array.from({ length: 256 }, (_, byte) => {
    if (stored === 'float8_e8m0') return byte === 255 ? Number.NaN : 2 ** (byte - 127);
    if (stored === 'float8_e5m2') return smallFloat(byte, 5, 2);
    // E4M3 has no infinities: the largest exponent encodes numbers, except for its last fraction.
    return (byte & 0x7f) === 0x7f ? Number.NaN : smallFloat(byte, 4, 3, false);
  });
  float8Tables.set(stored, values);
  return values;
}

/** The value of an IEEE-like float: a sign, an exponent, a fraction. `hasInfinity`: the largest exponent is for infinities and NaN. */
function smallFloat(bits: number, exponentBits: number, fractionBits: number, hasInfinity = true): number {
  const sign = (bits >> (exponentBits + fractionBits)) & 1 ? -1 : 1;
  const largest = 2 ** exponentBits - 1;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (bits >> fractionBits) & largest;
  const fraction = bits & (2 ** fractionBits - 1);
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  if (exponent === largest && hasInfinity)
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias);
}
