/** Pearson's statistic of counts against expected shares, which need not add up to 1. */
export function chiSquare(
  counts: readonly number[],
  shares: readonly number[] = counts.map(() => 1),
): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const whole = shares.reduce((sum, share) => sum + share, 0);
  return counts.reduce((sum, count, i) => {
    const expected = (total * shares[i]!) / whole;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

/**
 * Whether a chi-square statistic is within 4.5 standard deviations of its expectation, by the cube-root approximation
 * of Wilson and Hilferty (1931). Too even is as implausible as too uneven.
 */
export function inPlausibleRange(statistic: number, degreesOfFreedom: number): boolean {
  const variance = 2 / (9 * degreesOfFreedom);
  return Math.abs(Math.cbrt(statistic / degreesOfFreedom) - (1 - variance)) / Math.sqrt(variance) < 4.5;
}
