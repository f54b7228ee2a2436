import * as v from 'valibot';
import type { BatchContext, Dataset, IndexArray } from '../core/dataset.js';
import { type DType, isDType, type TypedArrayOf } from '../core/dtype.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { isTensor, shareTensor, type Tensor } from '../core/tensor.js';
import type { TokenSource } from './token-source.js';
import { convert, WindowCopier } from './window-copier.js';

export interface TokenWindowsOptions<D extends DType = 'int32'> {
  /** Tokens in `x` and in `y`. */
  readonly length: number;
  /** Tokens between the starts of neighbouring windows. @defaultValue `length`: no overlap */
  readonly stride?: number;
  /** What the tokens are widened to. @defaultValue `'int32'` */
  readonly dtype?: D;
}

/** A window of tokens and the same window one token later: what a language model reads and what it should say. */
export interface TokenWindow<D extends DType = 'int32'> {
  /** Shape `[length]`. */
  readonly x: Tensor<D>;
  /** Shape `[length]`; `y[i]` is the token after `x[i]`. */
  readonly y: Tensor<D>;
}

const schema = v.strictObject({
  length: integerFrom(1),
  stride: v.optional(integerFrom(1)),
  dtype: v.optional(v.custom<DType>(isDType, 'must be a dtype'), 'int32'),
});

/**
 * Windows of consecutive tokens over a token stream, document boundaries and all: `x` holds tokens
 * `i·stride … i·stride + length - 1`, `y` the ones after them. There are as many as fit whole.
 *
 * @throws {@link ConfigError} when not one window fits.
 */
export class TokenWindows<D extends DType = 'int32'> implements Dataset<TokenWindow<D>>, Movable {
  readonly length: number;
  readonly windowLength: number;
  readonly stride: number;
  readonly dtype: D;
  readonly #source: Tensor | TokenSource;
  readonly #copier: WindowCopier;

  constructor(source: Tensor | TokenSource, options: TokenWindowsOptions<D>) {
    const { length, stride, dtype } = parseOptions('TokenWindows options', schema, options);
    const tokens = isTensor(source) ? source.data.length : source.tokenCount;
    if (tokens < length + 1) {
      throw new ConfigError('TokenWindows options', [
        { field: 'length', message: `${length} + 1 tokens do not fit in a stream of ${tokens}` },
      ]);
    }
    this.#source = source;
    this.windowLength = length;
    this.stride = stride ?? length;
    this.dtype = dtype as D;
    this.#copier = new WindowCopier(source, length, dtype);
    this.length = Math.floor((tokens - length - 1) / this.stride) + 1;
  }

  /** What the tokens are read from. */
  get source(): Tensor | TokenSource {
    return this.#source;
  }

  get(index: number): TokenWindow<D> {
    checkIndex(index, this.length, 'TokenWindows');
    const both = convert(this.#copier.readTokens(index * this.stride), this.dtype);
    const shape = [this.windowLength];
    return {
      x: { dtype: this.dtype, shape, data: both.subarray(0, -1) as TypedArrayOf<D> },
      y: { dtype: this.dtype, shape, data: both.subarray(1) as TypedArrayOf<D> },
    };
  }

  getBatch(indices: IndexArray, context: BatchContext): TokenWindow<D> {
    const shape = [indices.length, this.windowLength];
    const x = context.allocate(this.dtype, shape);
    const y = context.allocate(this.dtype, shape);
    this.#copier.copy(this.#starts(indices), x.data, y.data);
    return { x, y };
  }

  /** Has a file that is not in memory read ahead. */
  prefetch(indices: IndexArray): void {
    if (isTensor(this.#source)) return;
    this.#source.prefetchTokens?.(this.#starts(indices), this.windowLength + 1);
  }

  fingerprint(): string {
    const { windowLength, stride, dtype } = this;
    const source = isTensor(this.#source)
      ? fingerprintBytes(this.#source.data)
      : (this.#source.fingerprint?.() ?? this.#source.tokenCount);
    return fingerprint({ kind: 'TokenWindows', source, windowLength, stride, dtype });
  }

  close(): void | Promise<void> {
    return isTensor(this.#source) ? undefined : this.#source.close?.();
  }

  [toRecipe](): Recipe {
    const source = isTensor(this.#source)
      ? shareTensor(this.#source)
      : recipeOf(this.#source, 'token source');
    const options = { length: this.windowLength, stride: this.stride, dtype: this.dtype };
    return { builtIn: 'TokenWindows', args: { source, options } };
  }

  static async fromRecipe(
    { source, options }: { readonly source: Tensor | Recipe; readonly options: TokenWindowsOptions<DType> },
    make: MakeFromRecipe,
  ): Promise<TokenWindows<DType>> {
    return new TokenWindows(isTensor(source) ? source : ((await make(source)) as TokenSource), options);
  }

  /** The first token of each window. @throws {@link IndexRangeError} */
  #starts(indices: IndexArray): Float64Array {
    const starts = new Float64Array(indices.length);
    for (let i = 0; i < indices.length; i++) {
      checkIndex(indices[i]!, this.length, 'TokenWindows');
      starts[i] = indices[i]! * this.stride;
    }
    return starts;
  }
}
