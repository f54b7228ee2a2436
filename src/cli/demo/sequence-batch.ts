import { type Tensor, tensor } from '../../core/tensor.js';
import { startToken } from './tokenizer.js';

/** A batch of token sequences, padded at the end. */
export type SequenceBatch = {
  /** `[B, T]` token ids; what lies beyond a sequence's length is not read. */
  readonly tokens: Tensor<'int32'>;
  /** `[B]` lengths, `1 … T`. */
  readonly lengths: Tensor<'int32'>;
};

/** Tokens in a batch, padding excluded. */
export function tokensIn({ lengths }: SequenceBatch): number {
  return lengths.data.reduce((sum, length) => sum + length, 0);
}

/** Predictions a batch asks for: one for each token but the first of its sequence. */
export function predictionsIn({ lengths }: SequenceBatch): number {
  return lengths.data.reduce((sum, length) => sum + Math.max(0, length - 1), 0);
}

/**
 * The batch with at most `tokenLimit` tokens: sequences are kept from the start, the last one is cut, and those beyond
 * it have length 0. Shares the tokens with `batch`.
 */
export function trimToTokens(batch: SequenceBatch, tokenLimit: number): SequenceBatch {
  let left = tokenLimit;
  const lengths = batch.lengths.data.map((length) => {
    const kept = Math.min(length, left);
    left -= kept;
    return kept;
  });
  return { tokens: batch.tokens, lengths: tensor(lengths, batch.lengths.shape) };
}

/** Pads sequences of whole numbers into one batch. Sequences must not be empty. */
export function batchOfSequences(sequences: readonly ArrayLike<number>[]): SequenceBatch {
  const longest = sequences.reduce((longest, { length }) => Math.max(longest, length), 0);
  const tokens = new Int32Array(sequences.length * longest);
  for (const [row, sequence] of sequences.entries()) tokens.set(sequence, row * longest);
  return {
    tokens: tensor(tokens, [sequences.length, longest]),
    lengths: tensor(Int32Array.from(sequences, ({ length }) => length)),
  };
}

/**
 * The batch behind token ids that a padding collate has put together with {@link startToken} as its padding: sequences
 * begin with that token and hold it nowhere else, so their lengths can be read off.
 *
 * @param padded - `[B, T]`, any dtype of whole numbers below 2^31.
 */
export function fromPaddedTokens(padded: Tensor): SequenceBatch {
  const [rows = 0, columns = 0] = padded.shape;
  const tokens = Int32Array.from(padded.data as ArrayLike<number>, Number);
  const lengths = Int32Array.from({ length: rows }, (_, row) => {
    let length = columns;
    while (length > 1 && tokens[row * columns + length - 1] === startToken) length--;
    return length;
  });
  return { tokens: tensor(tokens, [rows, columns]), lengths: tensor(lengths) };
}
