import { ConfigError } from '../core/errors.js';

/** How a learning rate depends on the batch size. DeepSpeed accepts `none` in any casing, and `null` for it. */
export type LrScalingMethod = 'linear' | 'sqrt' | 'none' | null;

/**
 * Scales a learning rate to another batch size.
 *
 * @param baseBatchSize - The batch size for which `baseLr` was chosen.
 * @param batchSize - The actual batch size.
 * @param baseLr - @defaultValue `1`
 * @param method - `linear`: in proportion to the batch size; `sqrt`: to its square root; `none`: unchanged.
 *   @defaultValue `'linear'`
 * @throws {@link ConfigError} for any other method.
 */
export function scaleLr(
  baseBatchSize: number,
  batchSize: number,
  baseLr = 1,
  method: LrScalingMethod = 'linear',
): number {
  if (method === 'linear') return (baseLr * batchSize) / baseBatchSize;
  if (method === 'sqrt') return baseLr * Math.sqrt(batchSize / baseBatchSize);
  if (method === null || String(method).toLowerCase() === 'none') return baseLr;
  throw new ConfigError('scaleLr', [{ field: 'method', message: `unknown scaling method: ${method}` }], {
    next: `Use 'linear', 'sqrt' or 'none'.`,
  });
}
