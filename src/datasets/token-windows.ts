import * as v from 'valibot';
import type { BatchContext, Dataset, IndexArray } from '../core/dataset.js';
import {
  type DType,
  isBigIntDType,
  isDType,
  type TypedArray,
  type TypedArrayOf,
  zeros,
} from '../core/dtype.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { isTensor, shareTensor, type Tensor } from '../core/tensor.js';

/** A stream of token ids that can be read at any place: `IndexedDataset` is one. */
export interface TokenSource {
  readonly dtype: DType;
  readonly tokenCount: number;
  /** Tokens `start … start + count - 1` in the stored dtype. */
  readTokens(start: number, count: number): TypedArray;
  fingerprint?(): string;
  close?(): void | Promise<void>;
}

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
    this.length = Math.floor((tokens - length - 1) / this.stride) + 1;
  }

  get(index: number): TokenWindow<D> {
    checkIndex(index, this.length, 'TokenWindows');
    const both = widen(this.#read(index), this.dtype);
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
    for (let i = 0; i < indices.length; i++) {
      checkIndex(indices[i]!, this.length, 'TokenWindows');
      const both = widen(this.#read(indices[i]!), this.dtype) as Int32Array;
      (x.data as Int32Array).set(both.subarray(0, -1), i * this.windowLength);
      (y.data as Int32Array).set(both.subarray(1), i * this.windowLength);
    }
    return { x, y };
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

  #read(index: number): TypedArray {
    const start = index * this.stride;
    const count = this.windowLength + 1;
    return isTensor(this.#source)
      ? this.#source.data.subarray(start, start + count)
      : this.#source.readTokens(start, count);
  }
}

function widen<D extends DType>(tokens: TypedArray, dtype: D): TypedArrayOf<D> {
  const out = zeros(dtype, tokens.length);
  if (isBigIntDType(dtype) === (typeof tokens[0] === 'bigint')) (out as Int32Array).set(tokens as Int32Array);
  else if (isBigIntDType(dtype)) for (let i = 0; i < tokens.length; i++) out[i] = BigInt(tokens[i]!);
  else for (let i = 0; i < tokens.length; i++) out[i] = Number(tokens[i]);
  return out;
}
