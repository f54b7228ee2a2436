import { dtypeOf, type TypedArray } from '../../core/dtype.js';
import { FormatError } from '../../core/errors.js';
import { isTensor } from '../../core/tensor.js';

/** Token ids of a sample. */
export type Tokens = ArrayLike<number | bigint>;

/** How often each token occurs in all samples together. */
export interface TokenCounts {
  readonly counts: ReadonlyMap<number, number>;
  readonly total: number;
}

/** A difficulty that is computed from token ids. */
export interface TokenMetric {
  /** As in the names of its files. */
  readonly name: string;
  /** What it measures, in a line. */
  readonly description: string;
  /** Whether it needs the counts of all tokens: a first pass over the data. */
  readonly needsCounts: boolean;
  /** The difficulty of one sample, a whole number. */
  measure(tokens: Tokens, counts: TokenCounts): number;
}

/**
 * Token ids of a sample: a tensor, a typed array, or a record with one in `tokens` or `input_ids`.
 *
 * @throws {@link FormatError} for anything else.
 */
export function tokensOf(sample: unknown, index: number): Tokens {
  const { tokens, input_ids } = (sample ?? {}) as { tokens?: unknown; input_ids?: unknown };
  for (const candidate of [sample, tokens, input_ids]) {
    if (isTensor(candidate)) return candidate.data;
    if (dtypeOf(candidate)) return candidate as TypedArray;
  }
  throw new FormatError('A sample has no token ids', {
    where: { index },
    next: 'Samples are tensors or typed arrays of token ids, or records with one in tokens or input_ids.',
  });
}
