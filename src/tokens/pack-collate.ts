import type { CollateContext } from '../core/collate.js';
import { CollateError } from '../core/errors.js';
import { isTensor, zeroTensor } from '../core/tensor.js';
import type { Tokens } from './packed-dataset.js';
import { layoutOf } from './sequence-layout.js';
import { allocateSequences, type TokenSequence, writeSegment } from './token-sequence.js';

/**
 * Concatenates the tokens of a batch without padding, into a {@link TokenSequence} of shape `[N]` in which each sample is a
 * document. Use it as the collate function for a `TokenBudgetSampler` with `method: 'packing'`.
 *
 * @param samples - One-dimensional tokens of any length.
 * @throws {@link CollateError} naming the sample that is not a list of whole numbers.
 */
export function packCollate(
  samples: readonly Tokens[],
  context: Partial<CollateContext> = {},
): TokenSequence {
  const { allocate = zeroTensor } = context;
  const parts = samples.map(elementsOf);
  const layout = layoutOf(parts.map(({ length }) => length));
  const sequence = allocateSequences([layout], { allocate, shape: [layout.length], padToken: 0 });
  let at = 0;
  for (const segment of layout.segments) {
    const { document: sample } = segment;
    const content = { tokens: parts[sample]!, where: (token: number) => ({ sample, token }) };
    writeSegment(sequence, at, segment, { content, shift: true });
    at += segment.length;
  }
  return sequence;
}

function elementsOf(sample: Tokens, place: number): ArrayLike<number | bigint> {
  if (isTensor(sample) && sample.shape.length === 1) return sample.data;
  if (ArrayBuffer.isView(sample) || Array.isArray(sample)) return sample;
  throw new CollateError('A batch of tokens has a sample that is not a list of tokens', {
    where: { sample: place, shape: isTensor(sample) ? `[${sample.shape}]` : typeof sample },
    next: 'packCollate takes one-dimensional tensors, typed arrays or arrays of token ids.',
  });
}
