import type { IterableDataset, ShardContext, StatefulStream } from '../core/dataset.js';
import type { JsonObject } from '../core/json.js';

/** How far a dataset has been read. */
interface Place {
  readonly shard: number;
  /** Samples of the shard that were read. */
  readonly inShard: number;
  /** The state of the shard's stream after them, if it has one. */
  readonly state?: JsonObject | undefined;
}

/** One pass over an iterable dataset, shard by shard, from a place on. */
export class SourceStream<T> {
  readonly #dataset: IterableDataset<T>;
  readonly #context: ShardContext;
  #shard: number;
  #inShard: number;
  #state: JsonObject | undefined;
  #stream: Partial<StatefulStream> | undefined;
  #iterator: AsyncIterator<T> | Iterator<T> | undefined;

  constructor(dataset: IterableDataset<T>, context: ShardContext, from?: Place) {
    this.#dataset = dataset;
    this.#context = context;
    this.#shard = from?.shard ?? 0;
    this.#inShard = from?.inShard ?? 0;
    this.#state = from?.state;
  }

  /** The next sample; done after the last shard. */
  async next(): Promise<IteratorResult<T, undefined>> {
    const numShards = this.#dataset.numShards ?? 1;
    for (; this.#shard < numShards; this.#nextShard()) {
      const iterator = this.#iterator ?? (await this.#open(numShards));
      const { done, value } = await iterator.next();
      if (done) continue;
      this.#inShard += 1;
      return { done: false, value };
    }
    return { done: true, value: undefined };
  }

  /** How far the dataset has been read. */
  place(): Place {
    const state = this.#iterator ? this.#stream?.stateDict?.() : this.#state;
    return { shard: this.#shard, inShard: this.#inShard, ...(state && { state }) };
  }

  async close(): Promise<void> {
    await this.#iterator?.return?.();
  }

  #nextShard(): void {
    this.#shard += 1;
    this.#inShard = 0;
    this.#state = this.#iterator = this.#stream = undefined;
  }

  /** Opens the shard where it was left: by its state, else by dropping what was read. */
  async #open(numShards: number): Promise<AsyncIterator<T> | Iterator<T>> {
    const context = { ...this.#context, shard: this.#shard, numShards };
    const isSeekable = this.#dataset.seekable === true && this.#state !== undefined;
    const stream = this.#dataset.iterate(isSeekable ? { ...context, state: this.#state } : context);
    const iterator =
      Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]();
    this.#stream = stream;
    this.#iterator = iterator;
    if (!isSeekable)
      for (let dropped = 0; dropped < this.#inShard; dropped++) if ((await iterator.next()).done) break;
    return iterator;
  }
}
