import * as v from 'valibot';
import {
  type IterableDataset,
  isIterableDataset,
  type ShardContext,
  type StatefulStream,
} from '../core/dataset.js';
import { ConfigError, StateMismatchError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { JsonObject } from '../core/json.js';
import { parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { FairTurns } from '../random/fair-turns.js';
import { datasetFingerprint } from './dataset-fingerprint.js';
import { SourceStream } from './source-stream.js';

const schema = v.strictObject({
  weights: v.array(
    v.pipe(v.number('must be a number'), v.finite('must be finite'), v.minValue(0, 'must be 0 or more')),
    'must be a list of numbers',
  ),
});

const stateSchema = v.object({
  sources: v.array(
    v.object({
      shard: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
      count: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
      inShard: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
      state: v.optional(v.custom<JsonObject>((value) => typeof value === 'object' && value !== null)),
    }),
  ),
});

/**
 * Several streams mixed by weight, sample by sample. Nothing is drawn: after n samples, the count of each source is within 1 of its exact
 * share of n. A pass ends when the source whose turn it is has ended, so that the shares hold to its last sample; a small source that should
 * repeat is a generator that does.
 *
 * A state holds the position of each source. A source with `seekable: true` continues there; others are read from their start, and what was
 * delivered is dropped.
 *
 * @remarks O(sources) a sample.
 */
export class MixtureStream<T> implements IterableDataset<T>, Movable {
  readonly datasets: readonly IterableDataset<T>[];
  readonly weights: readonly number[];

  /** @throws {@link ConfigError} naming the option or the dataset at fault. */
  constructor(datasets: readonly IterableDataset<T>[], options: { readonly weights: readonly number[] }) {
    const { weights } = parseOptions('MixtureStream options', schema, options);
    const wrong = datasets.findIndex((dataset) => !isIterableDataset(dataset));
    if (wrong >= 0)
      throw new ConfigError('MixtureStream', [
        {
          field: `datasets.${wrong}`,
          message:
            'is not an iterable dataset: MixtureDataset mixes map-style ones, and StreamDataset makes one of a stream',
        },
      ]);
    if (weights.length !== datasets.length || !weights.some((weight) => weight > 0)) {
      const message =
        weights.length === datasets.length
          ? 'must not all be 0'
          : `must have one weight for each of the ${datasets.length} datasets`;
      throw new ConfigError('MixtureStream options', [{ field: 'weights', message }]);
    }
    this.datasets = [...datasets];
    this.weights = weights;
  }

  /** Whether every source continues from a state without reading what was delivered. */
  get seekable(): boolean {
    return this.datasets.every(({ seekable }, source) => seekable === true || this.weights[source] === 0);
  }

  iterate({ state, ...context }: ShardContext): AsyncIterable<T> & StatefulStream {
    const places = this.#placesOf(state);
    const turns = new FairTurns(
      this.weights,
      places?.map(({ count }) => count),
    );
    const streams = this.datasets.map(
      (dataset, source) => new SourceStream(dataset, context, places?.[source]),
    );
    const iterator = mixed(streams, turns);
    return {
      [Symbol.asyncIterator]: () => iterator,
      stateDict: () => ({
        sources: streams.map((stream, source) => {
          const { shard, inShard, state: inner } = stream.place();
          const place = { count: turns.counts[source]!, shard, inShard };
          return inner ? { ...place, state: inner } : place;
        }),
      }),
    };
  }

  fingerprint(): string {
    const { datasets, weights } = this;
    return fingerprint({
      kind: 'MixtureStream',
      weights: [...weights],
      datasets: datasets.map(datasetFingerprint),
    });
  }

  async close(): Promise<void> {
    for (const dataset of this.datasets) await dataset.close?.();
  }

  [toRecipe](): Recipe {
    const datasets = this.datasets.map((dataset) => recipeOf(dataset, 'dataset'));
    return { builtIn: 'MixtureStream', args: { datasets, weights: this.weights } };
  }

  static async fromRecipe(
    { datasets, weights }: { readonly datasets: readonly Recipe[]; readonly weights: readonly number[] },
    make: MakeFromRecipe,
  ): Promise<MixtureStream<unknown>> {
    const made = await Promise.all(datasets.map(make));
    return new MixtureStream(made as IterableDataset<unknown>[], { weights });
  }

  #placesOf(state: JsonObject | undefined) {
    if (!state) return undefined;
    const { success, output } = v.safeParse(stateSchema, state);
    if (success && output.sources.length === this.datasets.length) return output.sources;
    throw new StateMismatchError('The state is not of this mixture of streams', {
      where: { field: 'sources' },
      next: 'Load it with the sources that it was saved with.',
    });
  }
}

/** Reads in turn, until the source whose turn it is has ended. */
async function* mixed<T>(streams: readonly SourceStream<T>[], turns: FairTurns): AsyncGenerator<T> {
  try {
    for (;;) {
      const source = turns.next();
      const next = await streams[source]!.next();
      if (next.done) return;
      turns.take(source);
      yield next.value;
    }
  } finally {
    for (const stream of streams) await stream.close();
  }
}
