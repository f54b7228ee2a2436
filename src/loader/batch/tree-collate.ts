import type { Collate, CollateOptions } from '../../core/collate.js';
import { type CollateRules, collateTree } from '../../core/collate-tree.js';
import type { DType } from '../../core/dtype.js';
import { stackTensors } from '../../core/stack-tensors.js';

/** Marks a collate with PyTorch's dtypes, `torchCollate` of `millrace/deepspeed`: workers build their own from these options. */
export interface TorchRules<N extends DType> {
  readonly torchOptions: Pick<CollateOptions<N>, 'numberDtype' | 'release'>;
}

/** Rules of a loader without a `collate` option. */
export function defaultRules(numberDtype: DType): CollateRules {
  return { numberDtype, stack: stackTensors, parity: false };
}

/** Builds the collate of `rules`, on any thread. */
export function treeCollate(rules: CollateRules): Collate<unknown, unknown> {
  return (samples, { allocate }) => collateTree(samples, rules, allocate);
}
