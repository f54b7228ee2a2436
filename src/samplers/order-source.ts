import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { integerFrom } from '../core/options.js';
import type { TorchGenerator } from '../random/index.js';

/** The sources of an order's randomness, of which at most one is set. */
export interface OrderSource {
  readonly seed?: number | undefined;
  readonly generator?: TorchGenerator | undefined;
  readonly seedFrom?: TorchGenerator | undefined;
}

/** An option that is a seed. */
export const seedOption = v.optional(integerFrom(0));

/** @throws {@link ConfigError} if two sources are set: one would have no effect. */
export function checkOrderSource(subject: string, { seed, generator, seedFrom }: OrderSource): void {
  const given = Object.entries({ seed, generator, seedFrom }).filter(([, value]) => value !== undefined);
  if (given.length < 2) return;
  const [field, other] = given.map(([name]) => name);
  throw new ConfigError(subject, [{ field: field!, message: `has no effect together with ${other}` }]);
}

/** The part of a fingerprint that covers the source. The saved state identifies a drawn order. */
export function describeOrderSource({ seed = 0, generator, seedFrom }: OrderSource): Json {
  const drawn = generator ?? seedFrom;
  return drawn ? { torch: drawn.release, seedFrom: seedFrom !== undefined } : { seed };
}
