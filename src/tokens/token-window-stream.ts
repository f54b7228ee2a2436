import * as v from 'valibot';
import type { IterableDataset, ShardContext, StatefulStream } from '../core/dataset.js';
import { ConfigError, StateMismatchError } from '../core/errors.js';
import { copyExactly } from '../core/exact-elements.js';
import { fingerprint } from '../core/fingerprint.js';
import type { Json, JsonObject } from '../core/json.js';
import { lastOf } from '../core/last-of.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { partSlice } from '../core/part-slice.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { zeroTensor } from '../core/tensor.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { IndexPermutation } from '../random/index-permutation.js';
import { orderKey } from '../random/order-key.js';
import { sampleContext } from '../random/sample-context.js';
import { ShardOrder } from '../samplers/shard-order.js';
import { type Elements, elementsOf, type TokenDocuments, type Tokens } from './document.js';
import { noToken } from './no-token.js';
import { layoutOf, type SequenceLayout } from './sequence-layout.js';
import { checkSequenceOptions, type SequenceSlice, sequenceSliceSchema } from './sequence-slice.js';
import { sampleOf, type TokenSequence } from './token-sequence.js';
import type { TokenWindow, WindowOf } from './token-windows.js';
import { WindowSequences } from './window-sequences.js';

export interface TokenWindowStreamOptions<B extends StreamBoundaries = StreamBoundaries> {
  /** Tokens in `x`, and in `y`; or in a {@link TokenSequence}. */
  readonly length: number;
  /**
   * How each epoch shuffles the documents. `'shards'` visits row groups or files in a random order, with their documents shuffled, and
   * so reads each of them about once. `true` mixes all documents, which reads a row group for nearly every document.
   * @defaultValue `'shards'` for documents of Parquet and Arrow files (`decodesShards`), otherwise `true`
   */
  readonly shuffle?: boolean | 'shards';
  /**
   * Shards, which workers read in parallel; the number affects which documents share a window. The tokens at the end of a
   * shard that do not fill a window are dropped. @defaultValue `8`, or fewer, so that each shard has at least 16 documents
   */
  readonly numShards?: number;
  /**
   * Makes each window a {@link TokenSequence}: `'stored'` divides it where documents end, `'none'` takes it for one document.
   * @defaultValue windows of `x` and `y`
   */
  readonly documentEnds?: B;
  /** Whether `labels` are those of the next token; see {@link TokenSequence}. Needs `documentEnds`. @defaultValue `true` */
  readonly shift?: boolean;
  /** Makes only this context-parallel rank's part of every window; all of it is read. Needs `documentEnds`. @defaultValue whole windows */
  readonly sequenceSlice?: SequenceSlice;
}

/** How a stream of windows divides them into documents. */
type StreamBoundaries = 'stored' | 'none' | undefined;

const schema = v.strictObject({
  length: integerFrom(1),
  shuffle: v.optional(v.union([booleanOption, v.literal('shards')], "must be true, false or 'shards'")),
  numShards: v.optional(integerFrom(1)),
  documentEnds: v.optional(v.picklist(['stored', 'none'], "must be 'stored' or 'none'")),
  shift: v.optional(booleanOption),
  sequenceSlice: v.optional(sequenceSliceSchema),
});

/** The state of a stream: the next window begins with a token of this document. */
interface Place {
  /** Position of the document in the order of the epoch. */
  readonly position: number;
  /** Tokens of the document that earlier windows used. */
  readonly offset: number;
}

/** Documents that are requested concurrently, so that remote reads overlap. */
const documentsAhead = 16;
const defaultShards = 8;
/** Row groups or files that all shards of the stream together read at a time: as many as a Parquet or Arrow dataset keeps decoded. */
const shardsAtATime = 8;

/**
 * Concatenates documents and cuts them into windows, for documents of unknown length, such as text that is tokenized on
 * the fly. Each shard reads its part of the documents in the order of the epoch; tokens at its end that do not fill a
 * window are dropped. The stream seeks: a resumed loader reads from the current document.
 *
 * If lengths are known, {@link PackedDataset} splits only documents longer than a row, and {@link TokenWindows} has random access.
 */
export class TokenWindowStream<B extends StreamBoundaries = undefined>
  implements IterableDataset<WindowOf<'int32', B>>, Movable
{
  readonly seekable = true as const;
  readonly documents: TokenDocuments<Tokens>;
  readonly windowLength: number;
  readonly numShards: number;
  readonly #shuffle: boolean | 'shards';
  readonly #options: v.InferOutput<typeof schema>;

  /** @throws {@link ConfigError} */
  constructor(documents: TokenDocuments<Tokens>, options: TokenWindowStreamOptions<B>) {
    const resolved = parseOptions('TokenWindowStream options', schema, options);
    const { length, shuffle, numShards } = resolved;
    checkSequenceOptions('TokenWindowStream options', resolved);
    const { shardLengths } = documents;
    if (shuffle === 'shards' && !shardLengths) {
      const message = "is 'shards', but the documents do not list their shards (shardLengths): use true";
      throw new ConfigError('TokenWindowStream options', [{ field: 'shuffle', message }]);
    }
    this.#options = resolved;
    this.documents = documents;
    this.windowLength = length;
    this.#shuffle = shuffle ?? (documents.decodesShards && shardLengths ? 'shards' : true);
    const most = numShards ? documents.length : Math.floor(documents.length / documentsAhead);
    this.numShards = Math.max(1, Math.min(numShards ?? defaultShards, most));
  }

  iterate(context: ShardContext): AsyncIterable<WindowOf<'int32', B>> & StatefulStream {
    const { start, end } = partSlice(this.documents.length, context.shard, this.numShards);
    let place = placeOf(context.state, start, end);
    const windows = this.#windows(place, end, context);
    return {
      stateDict: () => ({ ...place }),
      async *[Symbol.asyncIterator]() {
        for await (const { window, next } of windows) {
          place = next;
          yield window as WindowOf<'int32', B>;
        }
      },
    };
  }

  fingerprint(): string {
    const { windowLength, numShards } = this;
    const { documentEnds, shift = true } = this.#options;
    const documents = datasetFingerprint(this.documents);
    return fingerprint({
      kind: 'TokenWindowStream',
      documents,
      windowLength,
      numShards,
      shuffle: this.#shuffle,
      ...(documentEnds && { documentEnds, shift }),
    });
  }

  [toRecipe](): Recipe {
    const options = { ...this.#options, shuffle: this.#shuffle, numShards: this.numShards };
    return {
      builtIn: 'TokenWindowStream',
      args: { documents: recipeOf(this.documents, 'dataset'), options },
    };
  }

  static async fromRecipe(
    { documents, options }: { readonly documents: Recipe; readonly options: TokenWindowStreamOptions },
    make: MakeFromRecipe,
  ): Promise<TokenWindowStream<StreamBoundaries>> {
    return new TokenWindowStream(await make<TokenDocuments<Tokens>>(documents), options);
  }

  close(): void | Promise<void> {
    return this.documents.close?.();
  }

  async *#windows(
    from: Place,
    end: number,
    context: ShardContext,
  ): AsyncGenerator<{ readonly window: TokenWindow | TokenSequence; readonly next: Place }> {
    const { windowLength } = this;
    const make = this.#maker();
    // A window of length L needs L + 1 tokens, and the last of them is the first of the next window.
    let window = new Int32Array(windowLength + 1);
    let filled = 0;
    let place = from;
    // Tokens of each document in the window.
    let lengths: number[] = [];
    for await (const { tokens, position, document } of this.#documents(from, end, context)) {
      let at = position === from.position ? from.offset : 0;
      if (tokens.length > at) lengths.push(0);
      while (at < tokens.length) {
        const count = Math.min(tokens.length - at, window.length - filled);
        const piece = tokens.slice(at, at + count);
        const first = at;
        copyExactly(piece, window, 'int32', filled, (token, k) =>
          noToken(token, { document, token: first + k }),
        );
        // The last token of a window is the first of the next one.
        if (filled + count === window.length) place = { position, offset: at + count - 1 };
        filled += count;
        at += count;
        lengths[lengths.length - 1]! += count;
        if (filled < window.length) continue;
        yield { window: make(window, lengths), next: place };
        const last = window[windowLength]!;
        window = new Int32Array(windowLength + 1);
        window[0] = last;
        filled = 1;
        lengths = [1];
      }
    }
  }

  /**
   * Makes the samples.
   *
   * @returns a function of the tokens of a window and the one after them, and of the tokens that each document has of these
   */
  #maker(): (window: Int32Array, lengths: readonly number[]) => TokenWindow | TokenSequence {
    const { documentEnds, shift = true, sequenceSlice: slice } = this.#options;
    const { windowLength: length } = this;
    if (!documentEnds) return windowOf;
    let tokens: Int32Array = new Int32Array(0);
    let layout = layoutOf([length], { goesOn: true });
    const sequences = new WindowSequences({
      length,
      layouts: { isStored: true, layoutAt: () => layout },
      shift,
      padToken: 0,
      slice,
      read: (start, count) => tokens.subarray(start, start + count),
    });
    return (window, lengths) => {
      tokens = window;
      if (documentEnds === 'stored') layout = layoutBefore(lengths);
      return sampleOf(sequences.make([0], zeroTensor, false) as TokenSequence);
    };
  }

  /** Yields the documents of a shard in the order of the epoch, a few requested concurrently. */
  async *#documents(
    from: Place,
    end: number,
    { epoch, seed, worker }: ShardContext,
  ): AsyncGenerator<{ readonly tokens: Elements; readonly position: number; readonly document: number }> {
    const { documents } = this;
    const indexAt = this.#order(seed, epoch);
    for (let start = from.position; start < end; start += documentsAhead) {
      const count = Math.min(documentsAhead, end - start);
      const indices = Array.from({ length: count }, (_, k) => indexAt(start + k));
      documents.prefetch?.(indices, epoch);
      const made = indices.map((index) =>
        documents.get(index, sampleContext(index, { epoch, seed, worker }).part('document')),
      );
      for (const [k, tokens] of (await Promise.all(made)).entries())
        yield { tokens: elementsOf(tokens), position: start + k, document: indices[k]! };
    }
  }

  /** The document at each position of an epoch. */
  #order(seed: number, epoch: number): (position: number) => number {
    const { documents, numShards } = this;
    if (!this.#shuffle) return (position) => position;
    if (this.#shuffle === true) {
      const order = new IndexPermutation(documents.length, orderKey(seed, epoch, 'token window stream'));
      return (position) => order.at(position);
    }
    const windowShards = Math.max(1, Math.floor(shardsAtATime / numShards));
    const { shardLengths = [] } = documents;
    const order = new ShardOrder({ shardLengths, windowShards, seed, epoch });
    const index = new Float64Array(1);
    return (position) => {
      order.fill(index, position);
      return index[0]!;
    };
  }
}

function windowOf(tokens: Int32Array): TokenWindow {
  const shape = [tokens.length - 1];
  const [x, y] = [tokens.subarray(0, -1), tokens.subarray(1)];
  return { x: { dtype: 'int32', shape, data: x }, y: { dtype: 'int32', shape, data: y } };
}

/** The layout of a window, given the tokens of each document in it and in the token after it. */
function layoutBefore(lengths: readonly number[]): SequenceLayout {
  const last = lastOf(lengths);
  // The token after the window begins another document.
  if (last === 1) return layoutOf(lengths.slice(0, -1));
  return layoutOf([...lengths.slice(0, -1), last - 1], { goesOn: true });
}

function isCount(value: Json): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function placeOf(state: JsonObject | undefined, start: number, end: number): Place {
  const { position = start, offset = 0 } = state ?? {};
  if (isCount(position) && isCount(offset) && position >= start && position <= end)
    return { position, offset };
  throw new StateMismatchError('The state is not one of this stream of windows', {
    where: { field: 'position' },
    next: 'Load the state that the loader saved with these documents.',
  });
}
