import { type Tensor, tensor } from 'millrace';
import { startToken } from './tokenizer.js';

/** A batch of token sequences, padded at the end. */
export type SequenceBatch = {
  /** `[B, T]` token ids. Elements beyond a sequence's length are ignored. */
  readonly tokens: Tensor<'int32'>;
  /** `[B]` lengths, `1 … T`. */
  readonly lengths: Tensor<'int32'>;
};

/** Tokens in a batch, padding excluded. */
export function tokensIn({ lengths }: SequenceBatch): number {
  return lengths.data.reduce((sum, length) => sum + length, 0);
}

/** Predictions in a batch: one for each token except the first of its sequence. */
export function predictionsIn({ lengths }: SequenceBatch): number {
  return lengths.data.reduce((sum, length) => sum + Math.max(0, length - 1), 0);
}

/**
 * Keeps the first `tokenLimit` tokens of a batch: the last sequence kept is shortened, the ones after it get length 0.
 * Shares the tokens with `batch`.
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

/** Pads non-empty sequences of token ids to one batch. */
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
 * Recovers the lengths of a batch padded with {@link startToken}. Sequences begin with that token and contain it nowhere
 * else.
 *
 * @param padded - `[B, T]`, any integer dtype, values below 2^31.
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
