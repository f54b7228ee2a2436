import { type Dataset, datasetTitle, type IterableDataset } from '../../core/dataset.js';
import { CapabilityError, LoaderNotReadyError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { JsonObject } from '../../core/json.js';
import { parseOptions } from '../../core/options.js';
import type { BatchSampler as BatchSource } from '../../core/sampler.js';
import type { Sighting } from '../../core/sighting.js';
import type { WorkerDataset } from '../../datasets/index.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import { BatchSampler } from '../../samplers/batch-sampler.js';
import { checkIterable, type ResolvedOptions } from '../resolve-options.js';
import type { IndexTask } from './batch-task.js';
import { cannotSay, checkElasticSampler, checkElasticStream } from './capabilities.js';
import { checkBatchSize, checkSharing, refuseEmptyOrder } from './check-sharing.js';
import { createBatchSampler, type MapFacts } from './create-batch-sampler.js';
import type { DatasetFacts } from './dataset-facts.js';
import { type EpochPlan, MapEpochPlan, type PassStart, StreamEpochPlan, stepsBefore } from './epoch-plan.js';
import { samplerName } from './fast-forward.js';
import {
  type LoaderPosition,
  type LoaderWhenSeenOptions,
  type PlannedBatch,
  passStartAt,
  positionOf,
  whenSeenSchema,
} from './loader-position.js';
import { lookAhead } from './look-ahead-plan.js';
import type { RankLayout } from './rank-layout.js';
import { SamplerPasses } from './sampler-passes.js';

/** A dataset, or the module that makes it. */
export type LoadedSource = Dataset<unknown> | IterableDataset<unknown> | WorkerDataset<unknown>;

/** What determines an order: a state or receipt belongs to a loader only if all of it is equal. */
export interface OrderIdentity {
  /** Samples per global batch, over all ranks; `null` with a `batchSampler`. */
  readonly batchSize: number | null;
  readonly dropLast: boolean;
  readonly seed: number;
  /** Fingerprint of the dataset. */
  readonly dataset: string;
  /** Fingerprint of the batch sampler; `null` for a stream. */
  readonly sampler: string | null;
}

/** How an amended run differs from what its options say. */
export interface AmendedOrder {
  readonly batchSampler: BatchSource;
  /** The identity of the order before the first amendment: states of the run have it, too. */
  readonly identity: OrderIdentity;
  /** The amendments, as a state records them. */
  readonly amendments: JsonObject | undefined;
}

/** The order of a loader: everything that is known about its batches before a sample is read. */
export class LoaderOrder {
  /** The sampler of the global batches; none for a stream. */
  readonly batchSampler: BatchSource | undefined;
  /** The passes of a sampler with a state; none for a stream. */
  readonly passes: SamplerPasses | undefined;
  /** The amendments of the run, as a state records them. */
  readonly amendments: JsonObject | undefined;
  readonly #source: LoadedSource;
  readonly #facts: DatasetFacts;
  readonly #options: ResolvedOptions;
  readonly #amendedIdentity: OrderIdentity | undefined;

  /** @throws {@link ConfigError} or {@link CapabilityError} if an option does not suit the kind of dataset. */
  constructor(source: LoadedSource, facts: DatasetFacts, options: ResolvedOptions, amended?: AmendedOrder) {
    this.#source = source;
    this.#facts = facts;
    this.#options = options;
    this.amendments = amended?.amendments;
    this.#amendedIdentity = amended?.identity;
    if (facts.kind === 'map') {
      this.batchSampler = amended?.batchSampler ?? createBatchSampler(facts as MapFacts, options);
      this.passes = new SamplerPasses(this.batchSampler, options.generator);
      checkSharing(this.batchSampler, options);
      checkBatchSize(facts, datasetName(source), options);
      if (options.elastic) checkElasticSampler(this.batchSampler);
    } else {
      checkIterable(options);
      if (options.elastic) checkElasticStream(facts, datasetName(source));
    }
  }

  /** Name of the dataset in messages. */
  get datasetName(): string {
    return datasetName(this.#source);
  }

  /** Samples of the dataset; 0 for a stream of unknown length. */
  get datasetLength(): number {
    return this.#facts.length ?? 0;
  }

  /** Class of the dataset, as part of the location of an error. */
  get location(): DatasetFacts['where'] {
    return this.#facts.where;
  }

  /** Batches of this rank in an epoch. @throws {@link LoaderNotReadyError} where that is known only by reading */
  lengthOf(epoch: number): number {
    const { length, numShards } = this.#facts;
    const { batchSize = 1, dropLast, gradientAccumulationSteps: steps } = this.#options;
    if (this.batchSampler) return this.plannedLength(epoch)! - this.#emptyParts(this.batchSampler);
    if (length === undefined || numShards > 1) {
      throw new LoaderNotReadyError(
        'The number of batches of this iterable dataset is unknown until it is read',
        { next: 'Count the batches while iterating.' },
      );
    }
    return steps * (dropLast ? Math.floor(length / batchSize) : Math.ceil(length / batchSize));
  }

  /** Batches of an epoch for the rank that has most; `undefined` for a stream, whose epochs end where they end. */
  plannedLength(epoch: number): number | undefined {
    const sampler = this.batchSampler;
    if (!sampler) return undefined;
    return (sampler.lengthOf?.(epoch) ?? sampler.length) * this.#options.gradientAccumulationSteps;
  }

  /** Everything that determines the order. */
  get identity(): OrderIdentity {
    if (this.#amendedIdentity) return this.#amendedIdentity;
    const { batchSize = 1, dropLast = false, seed, batchSampler: given } = this.#options;
    const sampler = this.batchSampler;
    return {
      batchSize: given ? null : batchSize,
      dropLast,
      seed,
      dataset: this.#facts.fingerprint,
      sampler: sampler
        ? (sampler.fingerprint?.() ?? fingerprint({ sampler: sampler.constructor.name }))
        : null,
    };
  }

  /** The global step of a batch of an epoch: the first with all its micro-batches from there on. */
  globalStepAt(epoch: number, batch: number): number {
    const before = this.batchSampler ? stepsBefore(epoch, this.batchSampler) : 0;
    return before + Math.ceil(batch / this.#options.gradientAccumulationSteps);
  }

  /** The global step of a state: the first that it has not delivered completely. */
  placeOf({ epoch, step }: Pick<LoaderPosition, 'epoch' | 'step'>): number {
    return this.batchSampler ? stepsBefore(epoch, this.batchSampler) + step : step;
  }

  /** @throws {@link EmptyLoaderError} if the dataset has samples, and the order drops all of them */
  refuseEmpty(): void {
    if (this.batchSampler) refuseEmptyOrder(this.#facts, this.batchSampler.length, this.#options);
  }

  /** The batches of this rank from a position to the end of its epoch, as tasks. */
  plan(start: PassStart): EpochPlan {
    if (!this.batchSampler)
      return new StreamEpochPlan(this.#facts.numShards, this.#options.gradientAccumulationSteps, start);
    const plan = this.#mapPlan(this.batchSampler, this.#options, start);
    return lookAhead(plan, this.#source, this.batchSampler, this.#options.prefetchBytes);
  }

  /** The batches of a rank from a position to the end of its epoch: see `DataLoader.order`. */
  *batches(position: LoaderPosition, layout: RankLayout): Generator<PlannedBatch> {
    const microBatches = layout.gradientAccumulationSteps;
    const start = passStartAt('DataLoader.order', position, microBatches);
    if (!this.batchSampler) {
      const stage = datasetName(this.#source);
      throw new CapabilityError(`${stage} is a stream: its samples are known only by reading them`, {
        where: { stage },
      });
    }
    checkSharing(this.batchSampler, layout);
    this.passes?.open({ ...start, isSought: true });
    const plan = this.#mapPlan(this.batchSampler, layout, start);
    for (let planned = plan.next(); planned; planned = plan.next()) {
      const { epoch, batch, indices, positions } = planned.task as IndexTask;
      const typed = this.datasetLength <= 0x7fffffff ? Int32Array.from(indices) : Float64Array.from(indices);
      yield { epoch, ...positionOf(batch, microBatches), indices: typed, positions };
    }
  }

  /** Every occurrence of a sample: see `DataLoader.whenSeen`. */
  whenSeen(sample: number | object, options: LoaderWhenSeenOptions): Sighting[] {
    const { epoch, epochs } = parseOptions('DataLoader.whenSeen options', whenSeenSchema, options);
    const sampler = this.batchSampler;
    if (!sampler?.whenSeen)
      throw cannotSay(sampler ? (samplerName(sampler) ?? 'The sampler') : datasetName(this.#source));
    const { worldSize, gradientAccumulationSteps, uneven } = this.#options;
    const layout = { worldSize, gradientAccumulationSteps, ...(uneven === 'short' && { uneven }) };
    if (typeof sample === 'number') return sampler.whenSeen(sample, { ...layout, epoch, epochs });
    const source = this.#source as Dataset<unknown>;
    if (!source.indicesOf) throw cannotSay(datasetName(this.#source));
    return Array.from({ length: epochs }, (_, k) =>
      Array.from(source.indicesOf!(sample as never, epoch + k), (index: number) =>
        sampler.whenSeen!(index, { ...layout, epoch: epoch + k }),
      ),
    ).flat(2);
  }

  /** Micro-batches of the last global batch in which this rank has no sample. */
  #emptyParts(batchSampler: BatchSource): number {
    const { uneven, rank, worldSize, gradientAccumulationSteps: steps } = this.#options;
    if (uneven !== 'short' || !(batchSampler instanceof BatchSampler) || batchSampler.dropLast) return 0;
    const last = batchSampler.sampler.length % batchSampler.batchSize;
    if (last === 0 || last >= worldSize * steps) return 0;
    return steps - Math.ceil(Math.max(0, last - rank) / worldSize);
  }

  #mapPlan(batchSampler: BatchSource, layout: RankLayout, start: PassStart): MapEpochPlan {
    const { rank, worldSize, gradientAccumulationSteps } = layout;
    const { uneven } = this.#options;
    const datasetLength = this.#facts.length!;
    const withOthers = this.#options.onError === 'skip';
    const settings = { rank, worldSize, gradientAccumulationSteps, uneven, datasetLength, withOthers };
    const plan = new MapEpochPlan(batchSampler, settings, start);
    this.passes?.follow(plan);
    // PyTorch draws a base seed for its workers at the start of every pass, even without workers; the sampler draws
    // when its first index is requested.
    this.#options.generator?.randomInt64();
    return plan;
  }
}

/** Name of a dataset in messages. */
export function datasetName(source: LoadedSource): string {
  return source instanceof WorkerModule ? 'The dataset' : datasetTitle(source).name;
}
