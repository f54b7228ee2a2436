import { ConfigError } from '../core/errors.js';

/** How a learning rate follows the batch size. DeepSpeed takes `none` in any casing, and `null` for it. */
export type LrScalingMethod = 'linear' | 'sqrt' | 'none' | null;

/**
 * The learning rate for a batch of another size than the one it was chosen for.
 *
 * @param baseBatchSize - The batch size that `baseLr` was chosen for.
 * @param batchSize - The batch size at hand.
 * @param baseLr - @defaultValue `1`
 * @param method - `linear`: in proportion to the batch size; `sqrt`: to its root; `none`: unchanged. @defaultValue `'linear'`
 * @throws {@link ConfigError} when the method is another one.
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
