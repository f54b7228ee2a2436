import * as v from 'valibot';
import { copyElements, subarrayOf, zeros } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { elementCount, isTensor, type Tensor } from '../core/tensor.js';

/** How a batch gets shorter rows: longer rows are cut off, or cut into several. */
export type SeqlenWay = 'truncate' | 'reshape';

export interface CutToSeqlenOptions {
  /**
   * `'truncate'`: the first tokens of each row. `'reshape'`: each row becomes as many rows as fit, then the last tokens of every row
   * follow, and rows beyond the tokens that the batch had are left out; an odd number of rows loses one. @defaultValue `'truncate'`
   */
  readonly way?: SeqlenWay;
}

export const seqlenWayOption = v.picklist(['truncate', 'reshape'], `must be 'truncate' or 'reshape'`);

const schema = v.strictObject({ way: v.optional(seqlenWayOption, 'truncate') });

/**
 * Cuts the rows of a batch to `seqlen` tokens, in one of the two ways of Megatron-DeepSpeed's curriculum by sequence length.
 *
 * Every tensor `[rows, tokens, ...]` of the batch is cut alike. A field named `text` keeps one token more, from which the trainer makes
 * inputs and labels. An `attention_mask` of four dimensions is cut in the last two. Rows that are not longer stay as they are.
 *
 * ```ts
 * loader.postProcessFunc = (batch, { current_difficulties }) =>
 *   cutToSeqlen(batch, current_difficulties.seqlen_reshape, { way: 'reshape' });
 * ```
 *
 * @param batch - A tensor, or a record of tensors and other values. It is not written to.
 * @throws {@link ConfigError} unless `seqlen` is a whole number above 0. {@link ShapeError} for a tensor that cannot be reshaped, because
 *   it does not have a token for each of the others.
 * @remarks O(tokens kept). DeepSpeed itself leaves the cutting to the model.
 */
export function cutToSeqlen<B>(batch: B, seqlen: number, options: CutToSeqlenOptions = {}): B {
  parseOptions('cutToSeqlen', v.strictObject({ seqlen: integerFrom(1) }), { seqlen });
  const { way } = parseOptions('cutToSeqlen options', schema, options);
  const cut = way === 'truncate' ? truncate : reshape;
  if (isTensor(batch)) return cut(batch, seqlen, 'the batch') as B;
  if (typeof batch !== 'object' || batch === null || Array.isArray(batch)) return batch;
  const fields = Object.entries(batch).map(([name, value]) => {
    if (!isTensor(value)) return [name, value];
    return [name, cut(value, name === 'text' ? seqlen + 1 : seqlen, name)];
  });
  return Object.fromEntries(fields) as B;
}

function truncate(tensor: Tensor, length: number, name: string): Tensor {
  const { shape } = tensor;
  if (name === 'attention_mask' && shape.length === 4) return truncateMask(tensor, length);
  const [rows, tokens, ...rest] = shape;
  if (rows === undefined || tokens === undefined || tokens <= length) return tensor;
  const width = elementCount(rest);
  const out = emptyLike(tensor, [rows, length, ...rest]);
  for (let row = 0; row < rows; row++)
    copy(tensor, row * tokens * width, out, row * length * width, length * width);
  return out;
}

function truncateMask(mask: Tensor, length: number): Tensor {
  const [rows = 0, heads = 0, from = 0, to = 0] = mask.shape;
  const [keptFrom, keptTo] = [Math.min(from, length), Math.min(to, length)];
  if (keptFrom === from && keptTo === to) return mask;
  const out = emptyLike(mask, [rows, heads, keptFrom, keptTo]);
  for (let plane = 0; plane < rows * heads; plane++)
    for (let line = 0; line < keptFrom; line++)
      copy(mask, (plane * from + line) * to, out, (plane * keptFrom + line) * keptTo, keptTo);
  return out;
}

function reshape(tensor: Tensor, length: number, name: string): Tensor {
  const [rows, tokens, ...rest] = tensor.shape;
  if (rows === undefined || tokens === undefined || rest.length > 1) {
    throw new ShapeError(
      `${name} of shape [${tensor.shape}] cannot be reshaped to rows of ${length} tokens`,
      {
        where: { field: name },
        next: 'Reshape a batch that only has tensors [rows, tokens], as Megatron-DeepSpeed reshapes text; or truncate.',
      },
    );
  }
  if (tokens <= length) return tensor;
  const pieces = Math.floor(tokens / length);
  let kept = Math.min(Math.ceil((rows * tokens) / length), rows * (pieces + 1));
  if (kept > 1 && kept % 2 !== 0) kept -= 1;
  const width = elementCount(rest);
  const out = emptyLike(tensor, [kept, length, ...rest]);
  for (let row = 0; row < kept; row++) {
    const isPiece = row < rows * pieces;
    const source = isPiece ? Math.floor(row / pieces) : row - rows * pieces;
    const start = isPiece ? (row % pieces) * length : tokens - length;
    copy(tensor, (source * tokens + start) * width, out, row * length * width, length * width);
  }
  return out;
}

function emptyLike({ dtype }: Tensor, shape: readonly number[]): Tensor {
  return { dtype, shape, data: zeros(dtype, elementCount(shape)) };
}

function copy(source: Tensor, from: number, target: Tensor, to: number, count: number): void {
  copyElements(subarrayOf(source.data, from, from + count), target.data, to);
}
