import { bytesPerElement, type DType, isDType } from '../core/dtype.js';

/** How elements are stored: a dtype, or one of the half-width floats, which become float32. */
export type StoredDType = DType | 'float16' | 'bfloat16';

/** Bytes of a stored element. */
export function storedBytes(stored: StoredDType): number {
  return isDType(stored) ? bytesPerElement(stored) : 2;
}

/** The dtype of samples that are stored so. */
export function sampleDType(stored: StoredDType): DType {
  return isDType(stored) ? stored : 'float32';
}

/** Writes stored elements, little-endian, to `target`, which has the sample's dtype. */
export function unpack(stored: StoredDType, bytes: Uint8Array, target: Uint8Array): void {
  if (isDType(stored)) {
    target.set(bytes);
    return;
  }
  const halves = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let i = 0; 2 * i < bytes.length; i++) {
    const half = halves.getUint16(2 * i, true);
    // A bfloat16 is the upper half of a float32.
    if (stored === 'bfloat16') words.setUint32(4 * i, half << 16, true);
    else words.setFloat32(4 * i, float16(half), true);
  }
}

/** The value of IEEE 754's binary16. */
function float16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
