import * as v from 'valibot';
import { type CollateRules, collateTree } from './collate-tree.js';
import type { Collated } from './collated.js';
import type { Allocate, SampleRandom } from './dataset.js';
import { type DType, dtypes, isDType } from './dtype.js';
import { booleanOption, parseOptions } from './options.js';
import { stackTensors, torchStack } from './stack-tensors.js';
import { zeroTensor } from './tensor.js';
import { type TorchRelease, torchReleases } from './torch-release.js';

/** The context of a collate function. */
export interface CollateContext {
  /** Allocates tensors in the memory from which the batch will be read. Contents are unspecified: write every element. */
  readonly allocate: Allocate;
  /**
   * Random numbers of the batch, keyed by seed, epoch and the position of its first sample: the same whichever worker makes it,
   * and on every attempt.
   */
  readonly rng: SampleRandom;
}

/** Makes one batch from one or more samples. */
export type Collate<T, B> = (samples: readonly T[], context: CollateContext) => B | Promise<B>;

export interface CollateOptions<N extends DType = 'float32'> {
  /**
   * Dtype of a batch of JavaScript numbers. It must represent integers exactly: float32 rejects ids above 2^24; use
   * `'int32'`, `'int64'` or `'float64'` for these.
   *
   * @defaultValue `'float32'`; with `parity`, int64 for a batch of integers and float64 for any other
   */
  readonly numberDtype?: N;
  /** Allocates the tensors. @defaultValue fresh memory */
  readonly allocate?: Allocate;
  /**
   * Whether to use the dtypes and leniency of PyTorch's `default_collate`: `bigint` is its int and numbers are its
   * floats, which may be mixed; tensors of different dtypes are promoted; fields that the first sample lacks are
   * dropped. @defaultValue `false`
   */
  readonly parity?: boolean;
  /** The PyTorch release whose dtypes `parity` uses: PyTorch 1.13 has no uint16, uint32 and uint64. @defaultValue `'2.13'` */
  readonly release?: TorchRelease;
}

/** An option that is the dtype of a batch of numbers. */
export const numberDtypeOption = v.custom<DType>(
  (value) => isDType(value) && value !== 'bool',
  `must be one of ${dtypes.filter((dtype) => dtype !== 'bool').join(', ')}`,
);

const schema = v.strictObject({
  numberDtype: v.optional(numberDtypeOption),
  allocate: v.optional(
    v.custom<Allocate>((value) => typeof value === 'function', 'must be a function'),
    () => zeroTensor,
  ),
  parity: v.optional(booleanOption, false),
  release: v.optional(v.picklist(torchReleases, `must be '1.13' or '2.13'`), torchReleases[0]),
});

/**
 * Makes one batch from samples of one structure, as PyTorch's `default_collate`, with JavaScript's types: `number` →
 * `numberDtype`, `bigint` → int64, `boolean` → bool, all of shape `[B]`; `string` and `ArrayBuffer` → a list; typed
 * arrays and tensors → stacked, `[B, ...shape]`; arrays and plain objects → field by field.
 *
 * @param samples - At least one.
 * @throws {@link CollateError} if the samples do not share one structure, shape and dtype, or contain a value that
 *   cannot be collated (`null`, a function). The error names the path and the sample.
 * @remarks O(elements).
 */
export function defaultCollate<T>(
  samples: readonly T[],
  options: CollateOptions<never> & { readonly parity: true },
): Collated<T, 'int64' | 'float64'>;
export function defaultCollate<T, N extends DType = 'float32'>(
  samples: readonly T[],
  options?: CollateOptions<N>,
): Collated<T, N>;
export function defaultCollate(samples: readonly unknown[], options: CollateOptions<DType> = {}): unknown {
  return collateTree(samples, collateRules(options), options.allocate);
}

/** The rules of {@link defaultCollate} for options. @throws {@link ConfigError} naming the option at fault. */
export function collateRules(options: CollateOptions<DType>): CollateRules {
  const { numberDtype, parity, release } = parseOptions('Collate options', schema, options);
  if (parity) return { numberDtype, parity, stack: torchStack(release) };
  return { numberDtype: numberDtype ?? 'float32', parity, stack: stackTensors };
}
