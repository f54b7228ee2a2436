import * as v from 'valibot';
import type { BatchContext, Dataset, IndexArray } from '../core/dataset.js';
import { type DType, isDType, type TypedArray, type TypedArrayOf } from '../core/dtype.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { isTensor, shareTensor, type Tensor } from '../core/tensor.js';
import type { RemoteTokenSource, TokenSource } from './token-source.js';
import { convert, WindowCopier } from './window-copier.js';

export interface TokenWindowsOptions<D extends DType = 'int32'> {
  /** Tokens in `x`, and in `y`. */
  readonly length: number;
  /** Tokens between the starts of neighboring windows. @defaultValue `length`: no overlap */
  readonly stride?: number;
  /** The dtype of the windows. @defaultValue `'int32'` */
  readonly dtype?: D;
}

/** A window of tokens and the same window shifted by one token: the input and the target of a language model. */
export interface TokenWindow<D extends DType = 'int32'> {
  /** Shape `[length]`. */
  readonly x: Tensor<D>;
  /** Shape `[length]`; `y[i]` is the token after `x[i]`. */
  readonly y: Tensor<D>;
}

/** A source of windows. */
export type AnyTokenSource = Tensor | TokenSource | RemoteTokenSource;

/** A window, or a promise if the source is remote. */
type WindowFrom<D extends DType, S> = S extends RemoteTokenSource
  ? MaybePromise<TokenWindow<D>>
  : TokenWindow<D>;

const schema = v.strictObject({
  length: integerFrom(1),
  stride: v.optional(integerFrom(1)),
  dtype: v.optional(v.custom<DType>(isDType, 'must be a dtype'), 'int32'),
});

/**
 * Windows of consecutive tokens over a token stream, across document boundaries: `x` holds tokens `i·stride … i·stride +
 * length - 1`, `y` each next token. Only whole windows count.
 *
 * For a remote source (`RemoteIndexedDataset`), `get` returns promises; for any other, windows.
 *
 * @throws {@link ConfigError} if the stream is shorter than one window.
 */
export class TokenWindows<D extends DType = 'int32', S extends AnyTokenSource = Tensor | TokenSource>
  implements Dataset<TokenWindow<D>>, Movable
{
  readonly length: number;
  readonly windowLength: number;
  readonly stride: number;
  readonly dtype: D;
  readonly #source: S;
  /** `undefined` if the source is remote. */
  readonly #copier: WindowCopier | undefined;

  constructor(source: S, options: TokenWindowsOptions<D>) {
    const { length, stride, dtype } = parseOptions('TokenWindows options', schema, options);
    const tokens = isTensor(source) ? source.data.length : source.tokenCount;
    if (!Number.isSafeInteger(tokens)) {
      throw new ConfigError('TokenWindows', [
        { field: 'source', message: 'must be a tensor or an open dataset of tokens; await its open(…)' },
      ]);
    }
    if (tokens < length + 1) {
      throw new ConfigError('TokenWindows options', [
        { field: 'length', message: `${length} + 1 tokens do not fit in a stream of ${tokens}` },
      ]);
    }
    this.#source = source;
    this.windowLength = length;
    this.stride = stride ?? length;
    this.dtype = dtype as D;
    this.#copier = isRemote(source) ? undefined : new WindowCopier(source, length, dtype);
    this.length = Math.floor((tokens - length - 1) / this.stride) + 1;
  }

  /** The source of the tokens. */
  get source(): S {
    return this.#source;
  }

  get(index: number): WindowFrom<D, S>;
  get(index: number): MaybePromise<TokenWindow<D>> {
    checkIndex(index, this.length, 'TokenWindows');
    return andThen(this.#read(index * this.stride), (tokens) => this.#windowOf(tokens));
  }

  #read(start: number): MaybePromise<TypedArray> {
    if (this.#copier) return this.#copier.readTokens(start);
    return (this.#source as RemoteTokenSource).fetchTokens(start, this.windowLength + 1);
  }

  #windowOf(tokens: TypedArray): TokenWindow<D> {
    const both = convert(tokens, this.dtype);
    const shape = [this.windowLength];
    return {
      x: { dtype: this.dtype, shape, data: both.subarray(0, -1) as TypedArrayOf<D> },
      y: { dtype: this.dtype, shape, data: both.subarray(1) as TypedArrayOf<D> },
    };
  }

  getBatch(indices: IndexArray, context: BatchContext): WindowFrom<D, S>;
  getBatch(indices: IndexArray, context: BatchContext): MaybePromise<TokenWindow<D>> {
    const shape = [indices.length, this.windowLength];
    const x = context.allocate(this.dtype, shape);
    const y = context.allocate(this.dtype, shape);
    const starts = this.#starts(indices);
    if (this.#copier) {
      this.#copier.copy(starts, x.data, y.data);
      return { x, y };
    }
    const reading = Array.from(starts, (start) => this.#read(start));
    return Promise.all(reading).then((read) => {
      for (const [k, tokens] of read.entries()) {
        const window = this.#windowOf(tokens);
        (x.data as Int32Array).set(window.x.data as Int32Array, k * this.windowLength);
        (y.data as Int32Array).set(window.y.data as Int32Array, k * this.windowLength);
      }
      return { x, y };
    });
  }

  /** Reads ahead in a file that is not in memory; prefetches from a remote source. */
  prefetch(indices: IndexArray): unknown {
    if (isTensor(this.#source)) return undefined;
    return this.#source.prefetchTokens?.(this.#starts(indices), this.windowLength + 1);
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
  ): Promise<TokenWindows<DType, AnyTokenSource>> {
    return new TokenWindows(isTensor(source) ? source : ((await make(source)) as AnyTokenSource), options);
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

function isRemote(source: AnyTokenSource): source is RemoteTokenSource {
  return 'fetchTokens' in source;
}
