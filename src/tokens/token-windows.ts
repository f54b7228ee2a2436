import * as v from 'valibot';
import type { BatchContext, Dataset, IndexArray } from '../core/dataset.js';
import { copyElements, type DType, isDType, subarrayOf, type TypedArray } from '../core/dtype.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { firstAbove } from '../core/first-above.js';
import { checkIndex } from '../core/index-range.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import {
  type DocumentOrigin,
  type OriginContext,
  originOfDocuments,
  type StatedOrigin,
} from '../core/sample-origin.js';
import { groupEnds } from '../core/sort-by-value.js';
import { isTensor, shareTensor, type Tensor, zeroTensor } from '../core/tensor.js';
import { type DocumentBoundaries, documentBoundariesSchema, windowLayouts } from './document-boundaries.js';
import { checkSequenceOptions, rangesOf, type SequenceSlice, sequenceSliceSchema } from './sequence-slice.js';
import { sampleOf, type TokenSequence } from './token-sequence.js';
import type { AnyTokenSource, RemoteTokenSource, TokenSource } from './token-source.js';
import { convert, WindowCopier } from './window-copier.js';
import { WindowSequences } from './window-sequences.js';

export interface TokenWindowsOptions<
  D extends DType = 'int32',
  B extends DocumentBoundaries | undefined = DocumentBoundaries | undefined,
> {
  /** Tokens in `x`, and in `y`; or in a {@link TokenSequence}. */
  readonly length: number;
  /** Tokens between the starts of neighboring windows. @defaultValue `length`: no overlap */
  readonly stride?: number;
  /** The dtype of the windows. A {@link TokenSequence} is int32. @defaultValue `'int32'` */
  readonly dtype?: D;
  /**
   * Makes each window a {@link TokenSequence}, and says where its documents end: `'stored'`, at the lengths that the source stores;
   * `{ endToken }`, after each such token; `'none'`, a window is one document. @defaultValue windows of `x` and `y`
   */
  readonly documentEnds?: B;
  /** Whether `labels` are those of the next token; see {@link TokenSequence}. Needs `documentEnds`. @defaultValue `true` */
  readonly shift?: boolean;
  /**
   * Reads and makes only this context-parallel rank's part of every window. The end of a window is padded with token 0 to a
   * length that `2 · worldSize` divides. Needs `documents`, stored or none.
   * @defaultValue whole windows
   */
  readonly sequenceSlice?: SequenceSlice;
}

/** A window of tokens and the same window shifted by one token: the input and the target of a language model. */
export interface TokenWindow<D extends DType = 'int32'> {
  /** Shape `[length]`. */
  readonly x: Tensor<D>;
  /** Shape `[length]`; `y[i]` is the token after `x[i]`. */
  readonly y: Tensor<D>;
}

/** A window in the shape that the option `documentEnds` selects. */
export type WindowOf<D extends DType, B> = B extends undefined ? TokenWindow<D> : TokenSequence;

/** A window, or a promise if the source is remote. */
type WindowFrom<D extends DType, S, B> = S extends RemoteTokenSource
  ? MaybePromise<WindowOf<D, B>>
  : WindowOf<D, B>;

const schema = v.strictObject({
  length: integerFrom(1),
  stride: v.optional(integerFrom(1)),
  dtype: v.optional(v.custom<DType>(isDType, 'must be a dtype'), 'int32'),
  documentEnds: v.optional(documentBoundariesSchema),
  shift: v.optional(booleanOption),
  sequenceSlice: v.optional(sequenceSliceSchema),
});

type Resolved = v.InferOutput<typeof schema>;

/**
 * Windows of consecutive tokens over a token stream, across document boundaries: `x` holds tokens `i·stride … i·stride +
 * length - 1`, `y` each next token. Only whole windows count.
 *
 * For a remote source (`RemoteIndexedDataset`), `get` returns promises; for any other, windows.
 *
 * @throws {@link ConfigError} if the stream is shorter than one window.
 */
export class TokenWindows<
  D extends DType = 'int32',
  S extends AnyTokenSource = Tensor | TokenSource,
  B extends DocumentBoundaries | undefined = undefined,
> implements Dataset<WindowOf<D, B>>, Movable
{
  readonly length: number;
  readonly windowLength: number;
  readonly stride: number;
  readonly dtype: D;
  readonly #source: S;
  readonly #options: Resolved;
  /** `undefined` if the source is remote. */
  readonly #copier: WindowCopier | undefined;
  /** `undefined` for windows of `x` and `y`. */
  readonly #sequences: WindowSequences | undefined;
  /** The end of each document, for origins. */
  #documentEnds: Float64Array | undefined;

  constructor(source: S, options: TokenWindowsOptions<D, B>) {
    const resolved = parseOptions('TokenWindows options', schema, options);
    const { length, stride, dtype } = resolved;
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
    this.#options = resolved;
    this.windowLength = length;
    this.stride = stride ?? length;
    this.dtype = dtype as D;
    this.#copier = isRemote(source) ? undefined : new WindowCopier(source, length, dtype);
    this.#sequences = sequencesOf(source, resolved, (start, count) => this.#read(start, count));
    this.length = Math.floor((tokens - length - 1) / this.stride) + 1;
  }

  /** The source of the tokens. */
  get source(): S {
    return this.#source;
  }

  /** How documents are found, if windows are {@link TokenSequence}s. */
  get documentEnds(): B {
    return this.#options.documentEnds as B;
  }

  /** Tokens of a {@link TokenSequence}: with `sequenceSlice`, those of this rank. */
  get sequenceLength(): number {
    return this.#sequences?.length ?? this.windowLength;
  }

  get(index: number): WindowFrom<D, S, B>;
  get(index: number): MaybePromise<TokenWindow<D> | TokenSequence> {
    checkIndex(index, this.length, 'TokenWindows');
    const start = index * this.stride;
    if (this.#sequences) return andThen(this.#sequences.make([start], zeroTensor, false), sampleOf);
    return andThen(this.#read(start, this.windowLength + 1), (tokens) => this.#windowOf(tokens));
  }

  /** @internal The documents of a window, or of this rank's part of it, if the source stores their lengths. */
  originAt(index: number, context: OriginContext): StatedOrigin {
    const pass = context.epoch + context.pass;
    const sizes = isTensor(this.#source) ? undefined : this.#source.sizes;
    const ranges = rangesOf(this.windowLength, this.#options.sequenceSlice).map(({ start, end }) => ({
      start: index * this.stride + start,
      end: index * this.stride + Math.min(end, this.windowLength),
    }));
    if (!sizes) {
      const tokens = ranges.reduce((sum, { start, end }) => sum + Math.max(0, end - start), 0);
      return { source: 0, index, pass, tokens };
    }
    this.#documentEnds ??= groupEnds(sizes);
    const ends = this.#documentEnds;
    const documents = ranges.flatMap(({ start, end }) => documentsIn(ends, start, end, pass));
    return originOfDocuments(index, pass, documents);
  }

  #read(start: number, count: number): MaybePromise<TypedArray> {
    if (this.#copier) return this.#copier.readTokens(start, count);
    return (this.#source as RemoteTokenSource).fetchTokens(start, count);
  }

  #windowOf(tokens: TypedArray): TokenWindow<D> {
    const both = convert(tokens, this.dtype);
    const shape = [this.windowLength];
    return {
      x: { dtype: this.dtype, shape, data: subarrayOf(both, 0, -1) },
      y: { dtype: this.dtype, shape, data: subarrayOf(both, 1) },
    };
  }

  getBatch(indices: IndexArray, context: BatchContext): WindowFrom<D, S, B>;
  getBatch(indices: IndexArray, context: BatchContext): MaybePromise<TokenWindow<D> | TokenSequence> {
    if (this.#sequences) return this.#sequences.make(this.#starts(indices), context.allocate, true);
    const shape = [indices.length, this.windowLength];
    const x = context.allocate(this.dtype, shape);
    const y = context.allocate(this.dtype, shape);
    const starts = this.#starts(indices);
    if (this.#copier) {
      this.#copier.copy(starts, x.data, y.data);
      return { x, y };
    }
    const reading = Array.from(starts, (start) => this.#read(start, this.windowLength + 1));
    return Promise.all(reading).then((read) => {
      for (const [k, tokens] of read.entries()) {
        const window = this.#windowOf(tokens);
        copyElements(window.x.data, x.data, k * this.windowLength);
        copyElements(window.y.data, y.data, k * this.windowLength);
      }
      return { x, y };
    });
  }

  /** Reads ahead in a file that is not in memory; prefetches from a remote source. */
  prefetch(indices: IndexArray): unknown {
    const source = this.#source;
    if (isTensor(source) || !source.prefetchTokens) return undefined;
    const starts = this.#starts(indices);
    const reads = this.#sequences?.reads ?? [{ start: 0, count: this.windowLength + 1 }];
    const asked = reads.map(({ start, count }): unknown =>
      source.prefetchTokens?.(
        starts.map((first) => first + start),
        count,
      ),
    );
    // A local source returns nothing; a remote one returns the number of bytes that it requested.
    const counts = asked.filter((bytes) => typeof bytes === 'number');
    return counts.length > 0 ? counts.reduce((sum, bytes) => sum + bytes) : undefined;
  }

  /** The same for every context-parallel rank. */
  fingerprint(): string {
    const { windowLength, stride, dtype } = this;
    const { documentEnds, shift } = this.#options;
    const source = isTensor(this.#source)
      ? fingerprintBytes(this.#source.data)
      : (this.#source.fingerprint?.() ?? this.#source.tokenCount);
    const sequences = documentEnds && { documentEnds, shift: shift ?? true };
    return fingerprint({ kind: 'TokenWindows', source, windowLength, stride, dtype, ...sequences });
  }

  close(): void | Promise<void> {
    return isTensor(this.#source) ? undefined : this.#source.close?.();
  }

  [toRecipe](): Recipe {
    const source = isTensor(this.#source)
      ? shareTensor(this.#source)
      : recipeOf(this.#source, 'token source');
    return { builtIn: 'TokenWindows', args: { source, options: this.#options } };
  }

  static async fromRecipe(
    { source, options }: { readonly source: Tensor | Recipe; readonly options: TokenWindowsOptions<DType> },
    make: MakeFromRecipe,
  ): Promise<TokenWindows<DType, AnyTokenSource, DocumentBoundaries | undefined>> {
    return new TokenWindows(isTensor(source) ? source : await make<AnyTokenSource>(source), options);
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

/** The documents with tokens in `start … end - 1` of a stream. */
function documentsIn(ends: Float64Array, start: number, end: number, pass: number): DocumentOrigin[] {
  const found: DocumentOrigin[] = [];
  for (let document = firstAbove(ends, start), at = start; at < end; document++) {
    const next = Math.min(ends[document]!, end);
    const first = document === 0 ? 0 : ends[document - 1]!;
    if (next > at) found.push({ source: 0, index: document, pass, start: at - first, tokens: next - at });
    at = next;
  }
  return found;
}

function isRemote(source: AnyTokenSource): source is RemoteTokenSource {
  return 'fetchTokens' in source;
}

/** @throws {@link ConfigError} for an option that does not go with the others */
function sequencesOf(
  source: AnyTokenSource,
  { length, documentEnds, dtype, shift, sequenceSlice }: Resolved,
  read: (start: number, count: number) => MaybePromise<TypedArray>,
): WindowSequences | undefined {
  checkSequenceOptions('TokenWindows options', { documentEnds, shift, sequenceSlice });
  const problems: ConfigProblem[] = [];
  if (documentEnds && dtype !== 'int32')
    problems.push({ field: 'dtype', message: `is ${dtype}, but windows with documentEnds are int32` });
  const layouts = documentEnds && windowLayouts(source, length, documentEnds);
  if (sequenceSlice && layouts && !layouts.isStored) {
    const message =
      'needs the lengths of documents: where they end by endToken, a rank would have to read all of a window. Pass documentEnds: ' +
      "'stored' or 'none'";
    problems.push({ field: 'sequenceSlice', message });
  }
  if (problems.length > 0) throw new ConfigError('TokenWindows options', problems);
  if (!layouts) return undefined;
  return new WindowSequences({
    length,
    layouts,
    shift: shift ?? true,
    padToken: 0,
    slice: sequenceSlice,
    read,
  });
}
