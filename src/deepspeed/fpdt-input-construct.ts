import * as v from 'valibot';
import type { TypedArray } from '../core/dtype.js';
import { ConfigError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { type Tensor, zeroTensor } from '../core/tensor.js';

/** Whole sequences. All but `tokens` may be absent. */
export interface FpdtInput {
  /** Shape `[B, S]`, as the next three. */
  readonly tokens: Tensor;
  readonly labels?: Tensor | null;
  readonly lossMask?: Tensor | null;
  readonly positionIds?: Tensor | null;
  /** Passed on as it is. */
  readonly attentionMask?: Tensor | null;
}

export interface FpdtInputConstructOptions {
  /** Tokens that all ranks together process at a time: DeepSpeed's `ds_sequence_parallel_fpdt_chunk_size`. It divides S. */
  readonly chunkSize: number;
  /** Ranks that share each sequence. They divide the chunk. */
  readonly spSize: number;
  readonly spRank: number;
}

const schema = v.pipe(
  v.strictObject({ chunkSize: integerFrom(1), spSize: integerFrom(1), spRank: integerFrom(0) }),
  v.forward(
    v.check(({ spRank, spSize }) => spRank < spSize, 'must be below spSize'),
    ['spRank'],
  ),
);

const subject = 'FpdtInputConstruct options';

/**
 * The part of every sequence that a rank gets in fully pipelined distributed training: of each chunk of the sequence, its share.
 * DeepSpeed's `FPDT_InputConstruct`; {@link https://arxiv.org/abs/2408.16978 | Yao et al., Training Ultra Long Context Language
 * Model with Fully Pipelined Distributed Transformer, 2024}.
 */
export class FpdtInputConstruct {
  readonly #input: FpdtInput;
  /** Tokens of one chunk on one rank. */
  readonly #share: number;
  readonly #spSize: number;
  readonly #spRank: number;

  /** @throws {@link ConfigError} if the chunk does not divide the sequence, or the ranks not the chunk. */
  constructor(input: FpdtInput, options: FpdtInputConstructOptions) {
    const { chunkSize, spSize, spRank } = parseOptions(subject, schema, options);
    const length = input.tokens.shape[1] ?? 0;
    const fits = length > 0 && length % chunkSize === 0 && chunkSize % spSize === 0;
    if (!fits) {
      const message = `is ${chunkSize}: it must divide the ${length} tokens of a sequence, and spSize, ${spSize}, must divide it`;
      throw new ConfigError(subject, [{ field: 'chunkSize', message }]);
    }
    this.#input = input;
    this.#share = chunkSize / spSize;
    this.#spSize = spSize;
    this.#spRank = spRank;
  }

  /**
   * The rank's part: `tokens`, `labels` and `positionIds` of shape `[B, S / spSize]`. `lossMask` keeps all S positions, in the order
   * of rank 0's part, rank 1's, and so on, in which the losses of all ranks are gathered.
   */
  generate(): Required<FpdtInput> {
    const { tokens, labels = null, lossMask = null, positionIds = null, attentionMask = null } = this.#input;
    const all = this.#order();
    const own = all
      .subarray((all.length / this.#spSize) * this.#spRank)
      .subarray(0, all.length / this.#spSize);
    return {
      tokens: pick(tokens, own),
      labels: labels && pick(labels, own),
      lossMask: lossMask && pick(lossMask, all),
      attentionMask,
      positionIds: positionIds && pick(positionIds, own),
    };
  }

  /** The positions of the sequence, rank by rank. */
  #order(): Float64Array {
    const length = this.#input.tokens.shape[1]!;
    const chunks = length / (this.#share * this.#spSize);
    let at = 0;
    const order = new Float64Array(length);
    for (let rank = 0; rank < this.#spSize; rank++)
      for (let chunk = 0; chunk < chunks; chunk++) {
        const start = (chunk * this.#spSize + rank) * this.#share;
        for (let k = 0; k < this.#share; k++) order[at++] = start + k;
      }
    return order;
  }
}

/** Columns of a tensor `[B, S]`. */
function pick(tensor: Tensor, columns: Float64Array): Tensor {
  const [rows = 0, width = 0] = tensor.shape;
  const picked = zeroTensor(tensor.dtype, [rows, columns.length]);
  const data: TypedArray = picked.data;
  const source: TypedArray = tensor.data;
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < columns.length; k++)
      data[row * columns.length + k] = source[row * width + columns[k]!]!;
  return picked;
}
