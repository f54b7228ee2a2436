const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** The bits of a number as float16, rounded to the nearest, halves to even (IEEE 754). */
export function halfBits(value: number): number {
  floats[0] = value;
  const word = words[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  // 65,520 and more round to infinity.
  if (magnitude >= 0x477f_f000) return sign | 0x7c00;
  // Below 2^-14, steps have the constant size of 2^-24.
  if (magnitude < 0x3880_0000) return sign | roundHalfEven(Math.abs(floats[0]!) * 2 ** 24);
  const rest = magnitude & 0x1fff;
  const half = (magnitude - 0x3800_0000) >>> 13;
  const isUp = rest > 0x1000 || (rest === 0x1000 && half % 2 === 1);
  return sign | (half + Number(isUp));
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor + (floor % 2);
}
