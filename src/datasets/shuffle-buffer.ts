import * as v from 'valibot';
import { type IterableDataset, isIterableDataset, type ShardContext } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { lastOf } from '../core/last-of.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { orderKey, philoxKey } from '../random/order-key.js';
import { PhiloxStream } from '../random/philox.js';
import { datasetFingerprint } from './dataset-fingerprint.js';

export interface ShuffleBufferOptions {
  /** Samples in the buffer. */
  readonly bufferSize: number;
  /** Fixes the draws. @defaultValue `0` */
  readonly seed?: number;
}

const schema = v.strictObject({ bufferSize: integerFrom(1), seed: v.optional(integerFrom(0), 0) });

/**
 * Shuffles a stream with a buffer: each sample is drawn from a buffer of `bufferSize` samples, which the next sample
 * refills. A sample moves by a few buffer sizes at most, so this is not a full shuffle. For samples by index use
 * `RandomSampler`.
 *
 * The draws are a function of seed, epoch and shard, so the order does not depend on workers or ranks. It does not seek: a
 * resumed loader reads each shard again from its start, and a loader with `elastic: true` refuses it at compile time.
 */
export class ShuffleBuffer<T> implements IterableDataset<T>, Movable {
  readonly seekable = false;
  readonly deterministic = true;
  readonly dataset: IterableDataset<T>;
  readonly #bufferSize: number;
  readonly #seed: number;

  /** @throws {@link ConfigError} naming the option at fault, or if the dataset is not iterable. */
  constructor(dataset: IterableDataset<T>, options: ShuffleBufferOptions) {
    const { bufferSize, seed } = parseOptions('ShuffleBuffer options', schema, options);
    if (!isIterableDataset(dataset)) {
      const message = 'is not an iterable dataset; a map-style one is shuffled by its sampler';
      throw new ConfigError('ShuffleBuffer', [{ field: 'dataset', message }]);
    }
    this.dataset = dataset;
    this.#bufferSize = bufferSize;
    this.#seed = seed;
  }

  get numShards(): number {
    return this.dataset.numShards ?? 1;
  }

  get length(): number | undefined {
    return this.dataset.length;
  }

  async *iterate({ state: _, ...context }: ShardContext): AsyncGenerator<T> {
    const { epoch, shard } = context;
    const stream = new PhiloxStream(philoxKey(orderKey(this.#seed, epoch, `shuffle buffer ${shard}`)));
    const buffer: T[] = [];
    let drawn = 0;
    const draw = (): number => stream.start(drawn++).below(buffer.length);
    for await (const sample of this.dataset.iterate(context)) {
      if (buffer.length < this.#bufferSize) {
        buffer.push(sample);
        continue;
      }
      const place = draw();
      const given = buffer[place]!;
      buffer[place] = sample;
      yield given;
    }
    while (buffer.length > 0) {
      const place = draw();
      const given = buffer[place]!;
      buffer[place] = lastOf(buffer);
      buffer.pop();
      yield given;
    }
  }

  fingerprint(): string {
    return fingerprint({
      kind: 'ShuffleBuffer',
      parent: datasetFingerprint(this.dataset),
      bufferSize: this.#bufferSize,
      seed: this.#seed,
    });
  }

  close(): void | Promise<void> {
    return this.dataset.close?.();
  }

  [toRecipe](): Recipe {
    const options = { bufferSize: this.#bufferSize, seed: this.#seed };
    return { builtIn: 'ShuffleBuffer', args: { dataset: recipeOf(this.dataset, 'dataset'), options } };
  }

  static async fromRecipe(
    { dataset, options }: { readonly dataset: Recipe; readonly options: ShuffleBufferOptions },
    make: MakeFromRecipe,
  ): Promise<ShuffleBuffer<unknown>> {
    return new ShuffleBuffer(await make<IterableDataset<unknown>>(dataset), options);
  }
}
