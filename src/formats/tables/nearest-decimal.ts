/** The number nearest to a decimal: `unscaled × 10^-scale`. (Multiplying 57 by 0.01 gives 0.5700000000000001.) */
export function nearestDecimal(unscaled: number | bigint, scale: number): number {
  if (scale === 0) return Number(unscaled);
  // Both operands are exact, so the division rounds once.
  if (typeof unscaled === 'number' || (unscaled > -maxExact && unscaled < maxExact))
    if (scale > 0 && scale <= 22) return Number(unscaled) / 10 ** scale;
  return Number(`${unscaled}e${-scale}`);
}

const maxExact = BigInt(Number.MAX_SAFE_INTEGER);
