export interface ExactRootArguments {
  readonly step: number;
  readonly totalSteps: number;
  readonly degree: number;
  readonly range: number;
}

/**
 * `floor(range · (step / totalSteps)^(1 / degree))` without rounding errors: the largest integer k with `k^degree ·
 * totalSteps ≤ step · range^degree`. All arguments are positive integers, `step < totalSteps`.
 */
export function exactRoot({ step, totalSteps, degree, range }: ExactRootArguments): number {
  const power = BigInt(degree);
  const limit = BigInt(step) * BigInt(range) ** power;
  const fits = (k: number): boolean => BigInt(k) ** power * BigInt(totalSteps) <= limit;
  // The estimate in doubles is off by at most a few units.
  let root = Math.floor(range * (step / totalSteps) ** (1 / degree));
  while (!fits(root)) root--;
  while (fits(root + 1)) root++;
  return root;
}
