import type { Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import type { JsonObject } from '../core/json.js';
import { parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { type OriginContext, originIn, type StatedOrigin, sourcesOf } from '../core/sample-origin.js';
import { Apportionment, type ShareChange } from '../random/apportionment.js';
import { GrownPasses, sourceOrders } from '../random/grown-passes.js';
import { datasetFingerprint } from './dataset-fingerprint.js';
import {
  checkDatasets,
  checkWeights,
  type MixtureAmendments,
  type MixtureOptions,
  type MixtureStage,
  mixtureSchema,
  stagesOf,
} from './mixture-options.js';
import { prefetchOfEach } from './prefetch-of-each.js';

/** A sample of one of the sources. */
export interface SourceSample {
  /** The source. */
  readonly source: number;
  /** The index of the sample in the source. */
  readonly index: number;
}

/** The source sample at an index of the mixture. */
export interface SourceDraw extends SourceSample {
  /** Complete passes over the source: the source's epoch. */
  readonly epoch: number;
}

/** The progress of the mixture in a source. */
export interface SourceProgress {
  /** Samples drawn from the source. */
  readonly samples: number;
  /** Complete passes over the source: its epoch. */
  readonly epoch: number;
  /** Samples of the current pass. */
  readonly position: number;
}

/**
 * Several map-style datasets mixed by weight, sample by sample.
 *
 * The source of each sample is computed, not drawn: every prefix of the run contains each source's exact share within
 * `log2(sources) + 1` samples, even if a schedule changes the weights. The mixture reads each source pass by pass, each
 * pass in its own order: small sources repeat, large ones may not complete a pass.
 *
 * The mixture continues across epochs: sample `index` of epoch `epoch` is position `epoch · length + index` of the run, so
 * an index denotes a different sample in each epoch. Load it in order, without `shuffle` in the loader: the mixture is
 * already shuffled.
 *
 * @example
 * ```ts
 * const mixture = new MixtureDataset([web, code, books], { weights: [0.7, 0.2, 0.1], seed: 1 });
 * const loader = new DataLoader(mixture, { batchSize: 512 });
 * mixture.progressAfter(512 * 10_000).map(({ epoch }) => epoch);   // passes over each source after 10,000 steps
 * ```
 *
 * @remarks O(log sources) per sample; stores no samples.
 */
export class MixtureDataset<T> implements Dataset<T>, Movable {
  readonly datasets: readonly Dataset<T>[];
  /** Samples per epoch. */
  readonly length: number;
  readonly variesByEpoch = true;
  /** Samples per global batch, with a schedule. */
  readonly scheduledBatchSize: number | undefined;
  readonly #options: MixtureOptions;
  readonly #stages: readonly MixtureStage[];
  readonly #dealer: Apportionment;
  readonly #orders: readonly GrownPasses[];

  /** @throws {@link ConfigError} naming the option or the dataset at fault. */
  constructor(datasets: readonly Dataset<T>[], options: MixtureOptions) {
    const resolved = parseOptions('MixtureDataset options', mixtureSchema, options);
    const { seed, shuffle, batchSize = 1 } = resolved;
    checkDatasets(datasets);
    this.datasets = [...datasets];
    this.#options = options;
    this.#stages = stagesOf(resolved);
    checkWeights(this.#stages, datasets, resolved.schedule !== undefined);
    const samples = resolved.length ?? datasets.reduce((sum, { length }) => sum + length, 0);
    this.scheduledBatchSize = resolved.schedule && batchSize;
    this.length = resolved.schedule ? wholeBatches(samples, batchSize) : samples;
    this.#dealer = new Apportionment(
      datasets.length,
      sharesOf(this.#stages, batchSize, resolved.amendments.weights),
    );
    const { growths } = resolved.amendments;
    this.#orders = datasets.map(({ length }, source) => {
      const own = growths.filter((growth) => growth.source === source);
      const grown = own.map(({ start, ...growth }) => ({
        ...growth,
        count: this.#dealer.countOf(source, start),
      }));
      return new GrownPasses(
        own[0]?.before ?? length,
        grown,
        sourceOrders(seed, shuffle, `source ${source}`),
      );
    });
  }

  /**
   * The same mixture with other weights, or sources that have grown, from some samples on. The samples before them stay as they are.
   *
   * @param datasets - All sources; each of them is the old one, or begins with it.
   * @internal
   */
  amended(datasets: readonly Dataset<T>[], amendments: MixtureAmendments): MixtureDataset<T> {
    const { weights, schedule } = this.#options;
    // A source that is added has no share before.
    const padded = (of: readonly number[]): number[] => datasets.map((_, source) => of[source] ?? 0);
    const stages = schedule?.map((stage) => ({ ...stage, weights: padded(stage.weights) }));
    const shares = { ...(weights && { weights: padded(weights) }), ...(stages && { schedule: stages }) };
    const options = { ...this.#options, ...shares, length: this.length, amendments };
    return new MixtureDataset(datasets, options);
  }

  /** How a loader has changed the mixture. @internal */
  get amendments(): MixtureAmendments {
    return amendmentsIn(this.#options) ?? { weights: [], growths: [] };
  }

  /** The samples of the run at which the schedule changes the weights. @internal */
  get scheduleStarts(): readonly number[] {
    return this.#stages.map(({ step }) => step * (this.scheduledBatchSize ?? 1));
  }

  get(index: number, context: SampleContext): T | Promise<T> {
    const origin = this.originOf(index, context.epoch);
    return this.datasets[origin.source]!.get(origin.index, this.partOf(origin, context));
  }

  /** The context in which the source makes its sample. @internal */
  partOf({ source, index, epoch }: SourceDraw, context: SampleContext): SampleContext {
    return context.part(`source ${source}`, { index, epoch });
  }

  /** Prefetches from each source. */
  prefetch(indices: IndexArray, epoch: number): number | undefined {
    const own = this.datasets.map(() => new Map<number, number[]>());
    for (const place of indices) {
      const origin = this.originOf(place, epoch);
      const ofSource = own[origin.source]!;
      const ofEpoch = ofSource.get(origin.epoch);
      if (ofEpoch) ofEpoch.push(origin.index);
      else ofSource.set(origin.epoch, [origin.index]);
    }
    return prefetchOfEach(this.datasets, (source) => (own[source]!.size > 0 ? own[source]! : [[0, []]]));
  }

  /** Returns the source sample at an index. @throws {@link IndexRangeError} unless the index is in `0 … length - 1`. */
  originOf(index: number, epoch = 0): SourceDraw {
    checkIndex(index, this.length, 'MixtureDataset');
    const { part: source, count } = this.#dealer.at(epoch * this.length + index);
    const order = this.#orders[source]!;
    return { source, index: order.at(count), epoch: order.placeOf(count).pass };
  }

  /** @internal The origin for `batch.origin`: sources of nested mixtures are counted through. */
  originAt(index: number, { epoch, globalStep }: OriginContext): StatedOrigin {
    const drawn = this.originOf(index, epoch);
    return originIn(this.datasets, drawn.source, drawn.index, { epoch: drawn.epoch, pass: 0, globalStep });
  }

  /** @internal */
  get sourceCount(): number {
    return sourcesOf(this.datasets);
  }

  /**
   * Yields the indices at which a source's sample occurs in an epoch, ascending: none, one or several. O(log sources) each.
   *
   * @throws {@link IndexRangeError} if the source has no such sample.
   */
  indicesOf({ source, index }: SourceSample, epoch: number): number[] {
    checkIndex(source, this.datasets.length, 'The list of sources of a MixtureDataset');
    checkIndex(index, this.datasets[source]!.length, `Source ${source} of a MixtureDataset`);
    const start = epoch * this.length;
    const first = this.#dealer.countOf(source, start);
    const end = this.#dealer.countOf(source, start + this.length);
    const counts = this.#orders[source]!.positionsOf(index, first, end);
    return Array.from(counts, (count) => this.#dealer.slotOf(source, count)! - start);
  }

  /** Returns the progress of each source after the first `samples` samples of the run, across epochs. O(sources). */
  progressAfter(samples: number): SourceProgress[] {
    return Array.from(this.#dealer.counts(samples), (count, source) => {
      const { pass, position } = this.#orders[source]!.placeOf(count);
      return { samples: count, epoch: pass, position };
    });
  }

  /** @internal */
  get madeFrom(): readonly Dataset<unknown>[] {
    return this.datasets;
  }

  fingerprint(): string {
    const { seed = 0, shuffle = true, batchSize = 1 } = this.#options;
    const amendments = amendmentsIn(this.#options);
    return fingerprint({
      kind: 'MixtureDataset',
      datasets: this.datasets.map(datasetFingerprint),
      stages: this.#stages.map(({ step, weights }) => ({ start: step * batchSize, weights: [...weights] })),
      length: this.length,
      seed,
      shuffle,
      ...(amendments && { amendments: amendments as unknown as JsonObject }),
    });
  }

  async close(): Promise<void> {
    for (const dataset of this.datasets) await dataset.close?.();
  }

  [toRecipe](): Recipe {
    const datasets = this.datasets.map((dataset) => recipeOf(dataset, 'dataset'));
    return { builtIn: 'MixtureDataset', args: { datasets, options: this.#options } };
  }

  static async fromRecipe(
    { datasets, options }: { readonly datasets: readonly Recipe[]; readonly options: MixtureOptions },
    make: MakeFromRecipe,
  ): Promise<MixtureDataset<unknown>> {
    return new MixtureDataset((await Promise.all(datasets.map(make))) as Dataset<unknown>[], options);
  }
}

/** The amendments of an amended mixture. */
function amendmentsIn(options: MixtureOptions): MixtureAmendments | undefined {
  return (options as { readonly amendments?: MixtureAmendments }).amendments;
}

/** Samples of an epoch of whole global batches, at least one: sources repeat to fill it. */
function wholeBatches(samples: number, batchSize: number): number {
  return Math.max(batchSize, samples - (samples % batchSize));
}

/** The weights by sample of the run. */
function sharesOf(
  stages: readonly MixtureStage[],
  batchSize: number,
  amendments: MixtureAmendments['weights'],
): ShareChange[] {
  const end = amendments[0]?.start ?? Number.POSITIVE_INFINITY;
  const scheduled = stages.map(({ step, weights }) => ({ start: step * batchSize, weights }));
  return [...scheduled.filter(({ start }) => start < end), ...amendments].map(({ start, weights }) => ({
    start,
    weights: weights.entries(),
  }));
}
