import type { CollateContext } from '../core/collate.js';
import { CollateError } from '../core/errors.js';
import { copyExactly } from '../core/exact-elements.js';
import { isTensor, type Tensor, zeroTensor } from '../core/tensor.js';
import { noToken } from './no-token.js';
import type { Tokens } from './packed-dataset.js';

/** Concatenated samples of tokens, without padding. */
export interface PackedTokens {
  /** Shape `[N]`: the tokens of all samples. */
  readonly tokens: Tensor<'int32'>;
  /** Shape `[N]`: the sample of the batch that each token belongs to, from 0. Tokens attend within their sample. */
  readonly documentIds: Tensor<'int32'>;
  /** Shape `[N]`: the token's position in its sample, from 0. */
  readonly positionIds: Tensor<'int32'>;
  /** Shape `[samples + 1]`: the start of each sample, then N: the cumulative lengths for variable-length attention. */
  readonly offsets: Tensor<'int32'>;
}

/**
 * Concatenates the tokens of a batch and returns what an attention mask needs to separate the samples. Use it as the
 * collate function for a `TokenBudgetSampler` with `method: 'packing'`.
 *
 * @param samples - One-dimensional tokens of any length.
 * @throws {@link CollateError} naming the sample that is not a list of whole numbers.
 */
export function packCollate(samples: readonly Tokens[], context: Partial<CollateContext> = {}): PackedTokens {
  const { allocate = zeroTensor } = context;
  const parts = samples.map(elementsOf);
  const count = parts.reduce((sum, { length }) => sum + length, 0);
  const tokens = allocate('int32', [count]);
  const documentIds = allocate('int32', [count]);
  const positionIds = allocate('int32', [count]);
  const offsets = allocate('int32', [parts.length + 1]);
  let at = 0;
  for (const [place, part] of parts.entries()) {
    offsets.data[place] = at;
    copyExactly(part, tokens.data, 'int32', at, (token, k) => noToken(token, { sample: place, token: k }));
    for (let k = 0; k < part.length; k++) {
      documentIds.data[at] = place;
      positionIds.data[at++] = k;
    }
  }
  offsets.data[parts.length] = at;
  return { tokens, documentIds, positionIds, offsets };
}

function elementsOf(sample: Tokens, place: number): ArrayLike<number | bigint> {
  if (isTensor(sample) && sample.shape.length === 1) return sample.data;
  if (ArrayBuffer.isView(sample) || Array.isArray(sample)) return sample;
  throw new CollateError('A batch of tokens has a sample that is not a list of tokens', {
    where: { sample: place, shape: isTensor(sample) ? `[${sample.shape}]` : typeof sample },
    next: 'packCollate takes one-dimensional tensors, typed arrays or arrays of token ids.',
  });
}
