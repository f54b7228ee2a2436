/**
 * Fractional bits: three times those of a double, so that the last bit of the result is right even in close cases.
 */
const fractionBits = 160;
const one = 1n << BigInt(fractionBits);
const smallestNormal = 2 ** -1022;

/**
 * `base ** exponent` in doubles, correctly rounded.
 *
 * Platforms disagree on the last bit of a power: C libraries, which Python uses, nearly always round correctly,
 * JavaScript engines less often. One bit decides on which side of an integer a difficulty falls.
 *
 * @param base - 0 or more.
 * @remarks Takes tens of microseconds: `exp(exponent · ln base)` in fixed point.
 */
export function roundedPower(base: number, exponent: number): number {
  if (exponent === 1 || exponent === 0 || base === 0 || base === 1 || !Number.isFinite(base * exponent)) {
    return base ** exponent;
  }
  const { mantissa, shift } = decompose(exponent);
  const product = scaled(naturalLogarithm(base) * mantissa, shift);
  const twos = nearest(product, logarithmOfTwo);
  return Number(exponential(product - twos * logarithmOfTwo)) * 2 ** (Number(twos) - fractionBits);
}

/** `ln x` as `2 · atanh((m - 1) / (m + 1))` of the mantissa, scaled close to 1, plus the powers of two. */
function naturalLogarithm(x: number): bigint {
  const { mantissa, shift } = decompose(x);
  const m = scaled(mantissa, fractionBits - 53);
  // The mantissa is at least 1/2 here. Below the square root of 1/2, the series converges faster for twice the
  // mantissa.
  const [centered, twos] = m * m < one * (one >> 1n) ? [m << 1n, shift + 52] : [m, shift + 53];
  return (
    2n * inverseTangent(((centered - one) << BigInt(fractionBits)) / (centered + one)) +
    BigInt(twos) * logarithmOfTwo
  );
}

/** The inverse hyperbolic tangent, by its series. */
function inverseTangent(z: bigint): bigint {
  const square = multiply(z, z);
  let sum = 0n;
  let power = z;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += power / k;
    power = multiply(power, square);
  }
  return sum;
}

/** `e^x` for x between -1 and 1, by its series. */
function exponential(x: bigint): bigint {
  let sum = one;
  let term = x;
  for (let k = 2n; term !== 0n; k++) {
    sum += term;
    term = multiply(term, x) / k;
  }
  return sum;
}

const logarithmOfTwo = 2n * inverseTangent(one / 3n);

function multiply(a: bigint, b: bigint): bigint {
  const product = a * b;
  // Rounds towards zero, so that the terms of a series reach zero.
  return product < 0n ? -(-product >> BigInt(fractionBits)) : product >> BigInt(fractionBits);
}

function nearest(dividend: bigint, divisor: bigint): bigint {
  const doubled = 2n * dividend + divisor;
  const quotient = doubled / (2n * divisor);
  return doubled < 0n && quotient * 2n * divisor !== doubled ? quotient - 1n : quotient;
}

function scaled(value: bigint, shift: number): bigint {
  return shift >= 0 ? value << BigInt(shift) : value >> BigInt(-shift);
}

/** `x = mantissa · 2^shift` exactly; the mantissa has 53 bits. */
function decompose(x: number): { readonly mantissa: bigint; readonly shift: number } {
  const size = Math.abs(x);
  if (size < smallestNormal) {
    const { mantissa, shift } = decompose(x * 2 ** 53);
    return { mantissa, shift: shift - 53 };
  }
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, size);
  const word = bits.getBigUint64(0);
  const biased = Number((word >> 52n) & 0x7ffn);
  const mantissa = (word & 0xfffffffffffffn) | (1n << 52n);
  return { mantissa: x < 0 ? -mantissa : mantissa, shift: biased - 1075 };
}
