/** Bits of the fixed-point root: twice a double's, and some to spare. */
const fractionBits = 120;

/**
 * `x ** (1 / degree)` in doubles, rounded correctly where `degree` is a whole number up to 64.
 *
 * Platforms disagree on the last bit of a power; C libraries round nearly always correctly, JavaScript engines less often,
 * and one bit decides on which side of a whole number a difficulty falls. The exponent is the double nearest to
 * 1 / degree, not 1 / degree itself, as in Python.
 *
 * @param x - 0 or more.
 */
export function roundedRoot(x: number, degree: number): number {
  const exponent = 1 / degree;
  if (degree === 1 || x === 0 || x === 1) return x;
  if (!Number.isInteger(degree) || degree > 64 || !Number.isFinite(x)) return x ** exponent;
  const root = fixedPointRoot(x, degree);
  // x^exponent = x^(1/degree) · x^error, and error · ln x is so small that one term of the series is enough.
  const correction = Math.round(Number(root) * exponentError(degree) * Math.log(x));
  return Number(root + BigInt(correction)) * 2 ** -fractionBits;
}

/** The largest whole number whose power is at most `x · 2^(degree · fractionBits)`. */
function fixedPointRoot(x: number, degree: number): bigint {
  const power = BigInt(degree);
  const { mantissa, exponent } = decompose(x);
  const shift = BigInt(exponent + degree * fractionBits);
  const target = shift >= 0n ? mantissa << shift : mantissa >> -shift;
  // Newton's method falls until it is there, if it begins above.
  const above = x ** (1 / degree) * (1 + 2 ** -40);
  let root = BigInt(Math.ceil(above * 2 ** 52)) << BigInt(fractionBits - 52);
  for (;;) {
    const next = ((power - 1n) * root + target / root ** (power - 1n)) / power;
    if (next >= root) return root;
    root = next;
  }
}

/** How far the double nearest to 1 / degree is from it. */
function exponentError(degree: number): number {
  const { mantissa, exponent } = decompose(1 / degree);
  const excess = mantissa * BigInt(degree) - (1n << BigInt(-exponent));
  return (Number(excess) / degree) * 2 ** exponent;
}

/** `x = mantissa · 2^exponent` exactly. */
function decompose(x: number): { readonly mantissa: bigint; readonly exponent: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, x);
  const word = bits.getBigUint64(0);
  const biased = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xfffffffffffffn;
  if (biased === 0) return { mantissa: fraction, exponent: -1074 };
  return { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}
