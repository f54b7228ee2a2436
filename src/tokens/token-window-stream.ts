import * as v from 'valibot';
import type { IterableDataset, ShardContext, StatefulStream } from '../core/dataset.js';
import { ConfigError, StateMismatchError } from '../core/errors.js';
import { copyExactly } from '../core/exact-elements.js';
import { fingerprint } from '../core/fingerprint.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { partSlice } from '../core/part-slice.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { isTensor } from '../core/tensor.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { IndexPermutation } from '../random/index-permutation.js';
import { orderKey } from '../random/order-key.js';
import { sampleContext } from '../random/sample-context.js';
import { ShardOrder } from '../samplers/shard-order.js';
import type { Tokens } from './document.js';
import { noToken } from './no-token.js';
import type { TokenDocuments } from './packed-dataset.js';
import type { TokenWindow } from './token-windows.js';

export interface TokenWindowStreamOptions {
  /** Tokens in `x`, and in `y`. */
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
}

const schema = v.strictObject({
  length: integerFrom(1),
  shuffle: v.optional(v.union([booleanOption, v.literal('shards')], "must be true, false or 'shards'")),
  numShards: v.optional(integerFrom(1)),
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
export class TokenWindowStream implements IterableDataset<TokenWindow>, Movable {
  readonly seekable = true as const;
  readonly documents: TokenDocuments<Tokens>;
  readonly windowLength: number;
  readonly numShards: number;
  readonly #shuffle: boolean | 'shards';

  /** @throws {@link ConfigError} */
  constructor(documents: TokenDocuments<Tokens>, options: TokenWindowStreamOptions) {
    const { length, shuffle, numShards } = parseOptions('TokenWindowStream options', schema, options);
    const { shardLengths } = documents;
    if (shuffle === 'shards' && !shardLengths) {
      const message = "is 'shards', and the documents do not say which they have (shardLengths): use true";
      throw new ConfigError('TokenWindowStream options', [{ field: 'shuffle', message }]);
    }
    this.documents = documents;
    this.windowLength = length;
    this.#shuffle = shuffle ?? (documents.decodesShards && shardLengths ? 'shards' : true);
    const most = numShards ? documents.length : Math.floor(documents.length / documentsAhead);
    this.numShards = Math.max(1, Math.min(numShards ?? defaultShards, most));
  }

  iterate(context: ShardContext): AsyncIterable<TokenWindow> & StatefulStream {
    const { start, end } = partSlice(this.documents.length, context.shard, this.numShards);
    let place = placeOf(context.state, start, end);
    const windows = this.#windows(place, end, context);
    return {
      stateDict: () => ({ ...place }),
      async *[Symbol.asyncIterator]() {
        for await (const { window, next } of windows) {
          place = next;
          yield window;
        }
      },
    };
  }

  fingerprint(): string {
    const { windowLength, numShards } = this;
    const documents = datasetFingerprint(this.documents);
    return fingerprint({
      kind: 'TokenWindowStream',
      documents,
      windowLength,
      numShards,
      shuffle: this.#shuffle,
    });
  }

  [toRecipe](): Recipe {
    const options = { length: this.windowLength, shuffle: this.#shuffle, numShards: this.numShards };
    return {
      builtIn: 'TokenWindowStream',
      args: { documents: recipeOf(this.documents, 'dataset'), options },
    };
  }

  static async fromRecipe(
    { documents, options }: { readonly documents: Recipe; readonly options: TokenWindowStreamOptions },
    make: MakeFromRecipe,
  ): Promise<TokenWindowStream> {
    return new TokenWindowStream((await make(documents)) as TokenDocuments<Tokens>, options);
  }

  close(): void | Promise<void> {
    return this.documents.close?.();
  }

  async *#windows(
    from: Place,
    end: number,
    context: ShardContext,
  ): AsyncGenerator<{ readonly window: TokenWindow; readonly next: Place }> {
    const { windowLength } = this;
    // A window of length L needs L + 1 tokens, and the last of them is the first of the next window.
    let window = new Int32Array(windowLength + 1);
    let filled = 0;
    let place = from;
    for await (const { tokens, position, document } of this.#documents(from, end, context)) {
      let at = position === from.position ? from.offset : 0;
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
        if (filled < window.length) continue;
        const shape = [windowLength];
        const [x, y] = [window.subarray(0, -1), window.subarray(1)];
        yield {
          window: { x: { dtype: 'int32', shape, data: x }, y: { dtype: 'int32', shape, data: y } },
          next: place,
        };
        const last = window[windowLength]!;
        window = new Int32Array(windowLength + 1);
        window[0] = last;
        filled = 1;
      }
    }
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
    const order = new ShardOrder({ shardLengths: documents.shardLengths!, windowShards, seed, epoch });
    const index = new Float64Array(1);
    return (position) => {
      order.fill(index, position);
      return index[0]!;
    };
  }
}

type Elements = ArrayLike<number | bigint> & {
  slice(start: number, end: number): ArrayLike<number | bigint>;
};

function elementsOf(tokens: Tokens): Elements {
  return (isTensor(tokens) ? tokens.data : tokens) as Elements;
}

function placeOf(state: JsonObject | undefined, start: number, end: number): Place {
  const { position = start, offset = 0 } = state ?? {};
  const fits = Number.isSafeInteger(position) && Number.isSafeInteger(offset);
  if (fits && (position as number) >= start && (position as number) <= end && (offset as number) >= 0)
    return { position: position as number, offset: offset as number };
  throw new StateMismatchError('The state is not one of this stream of windows', {
    where: { field: 'position' },
    next: 'Load the state that the loader saved with these documents.',
  });
}
