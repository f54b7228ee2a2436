import type { SampleRandom } from '../core/dataset.js';

/**
 * A number from the gamma distribution of a shape and the scale 1, by Marsaglia and Tsang's method (2000): a normal number that is
 * accepted in 95 of 100 cases or more.
 */
export function gamma(shape: number, rng: SampleRandom): number {
  if (shape < 1) return gamma(shape + 1, rng) * (1 - rng.float()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = 1 - rng.float();
    if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** A number from the beta distribution with two equal parameters. */
export function symmetricBeta(alpha: number, rng: SampleRandom): number {
  const a = gamma(alpha, rng);
  const b = gamma(alpha, rng);
  return a + b > 0 ? a / (a + b) : rng.boolean() ? 1 : 0;
}
