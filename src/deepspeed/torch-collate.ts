import { type CollateContext, type CollateOptions, collateRules } from '../core/collate.js';
import { collateTree } from '../core/collate-tree.js';
import type { Collated } from '../core/collated.js';
import type { DType } from '../core/dtype.js';
import type { TorchRules } from '../loader/batch/tree-collate.js';

export type TorchCollateOptions<N extends DType = 'int64' | 'float64'> = Pick<
  CollateOptions<N>,
  'numberDtype' | 'release'
>;

/** A collate with PyTorch's dtypes. Workers recreate it from its options. */
export interface TorchCollate<N extends DType = 'int64' | 'float64'> extends TorchRules<N> {
  <T>(samples: readonly T[], context?: Partial<CollateContext>): Collated<T, N>;
}

/**
 * Makes a collate that returns what PyTorch's `default_collate` returns, for the `collate` option of a loader. Same as
 * `defaultCollate(samples, { parity: true })`.
 */
export function torchCollate<N extends DType = 'int64' | 'float64'>(
  options: TorchCollateOptions<N> = {},
): TorchCollate<N> {
  const rules = collateRules({ ...options, parity: true });
  const collate = <T>(samples: readonly T[], context: Partial<CollateContext> = {}): Collated<T, N> =>
    collateTree(samples, rules, context.allocate) as Collated<T, N>;
  return Object.assign(collate, { torchOptions: options });
}
