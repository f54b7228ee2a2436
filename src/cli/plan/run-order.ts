import type { OpenedConfig } from '../../config/index.js';
import type { AnyLoader } from '../../config/opened-config.js';
import { lengthAtStep } from '../../config/sequence-lengths.js';
import { CapabilityError } from '../../core/errors.js';
import type { Positions } from '../../core/sampler.js';
import type { Sighting } from '../../core/sighting.js';
import { MixtureDataset } from '../../datasets/index.js';
import { DataLoader } from '../../loader/index.js';
import { cannotSay } from '../../loader/order/capabilities.js';
import { DistributedSampler } from '../../samplers/index.js';
import { orderOf, type PlannedSamples } from './epoch-order.js';
import { EpochSteps } from './epoch-steps.js';
import type { OpenForRank } from './open-run.js';

/** What one rank's loader yields for one micro-batch. */
export interface RankBatch {
  readonly rank: number;
  readonly microBatch: number;
  readonly indices: ArrayLike<number> & Iterable<number>;
  readonly positions: Positions;
}

/** One global batch of a run. Numbers start at 0. */
export interface PlannedStep {
  readonly globalStep: number;
  readonly epoch: number;
  readonly step: number;
  /** Tokens of a sequence, if the length rises over the run. */
  readonly length: number | undefined;
  /** The batches of the known ranks, by micro-batch, then rank. */
  readonly batches: readonly RankBatch[];
}

/** The order of a run, computed by its loaders. Reads no sample. */
export class RunOrder {
  /** Steps of an epoch; with a DeepSpeed curriculum, of all epochs. */
  readonly stepsPerEpoch: number;
  /** The epochs of the run. */
  readonly epochs: EpochSteps;
  readonly gradientAccumulationSteps: number;
  /** Ranks whose batches are known: all, or only the loader's own. */
  readonly ranks: readonly number[];
  readonly worldSize: number;
  /** Whether each rank has a separate order, so that global batches are unknown. */
  readonly isPerRank: boolean;
  readonly #opened: OpenedConfig;
  readonly #openForRank: OpenForRank;

  constructor(opened: OpenedConfig, openForRank: OpenForRank) {
    const { loader, gradientAccumulationSteps, sampler, launch, variesByRank, kind } = opened;
    this.#opened = opened;
    this.#openForRank = openForRank;
    this.gradientAccumulationSteps = gradientAccumulationSteps;
    this.stepsPerEpoch = Math.ceil(microBatchesOf(loader) / gradientAccumulationSteps);
    const batches = loader instanceof DataLoader ? loader.batchSampler : undefined;
    this.epochs = new EpochSteps(
      (epoch) => batches?.lengthOf?.(epoch) ?? this.stepsPerEpoch,
      batches?.lengthOf !== undefined,
    );
    this.isPerRank = kind === 'deepspeed' || sampler?.elastic === false;
    this.worldSize = sampler instanceof DistributedSampler ? sampler.worldSize : launchedRanks(opened);
    const own = sampler instanceof DistributedSampler ? sampler.rank : launch.rank;
    const showsAll = !this.isPerRank || variesByRank;
    this.ranks = showsAll ? Array.from({ length: this.worldSize }, (_, rank) => rank) : [own];
  }

  /** Tokens of a sequence at a global step, if the length rises over the run. */
  lengthAt(globalStep: number): number | undefined {
    const { lengths } = this.#opened;
    return lengths && lengthAtStep(lengths, globalStep);
  }

  /** The batches of every known rank in a global step. */
  async stepAt(globalStep: number): Promise<PlannedStep> {
    const { epoch, step } = this.epochs.stepAt(globalStep);
    const batches: RankBatch[] = [];
    for (const rank of this.ranks) {
      let microBatch = 0;
      for await (const { indices, positions } of this.#rankOrder(epoch, step, rank)) {
        batches.push({ rank, microBatch, indices, positions });
        microBatch += 1;
        if (microBatch === this.gradientAccumulationSteps) break;
      }
    }
    batches.sort((a, b) => a.microBatch - b.microBatch || a.rank - b.rank);
    return { globalStep, epoch, step, length: this.lengthAt(globalStep), batches };
  }

  /** The global batches of an epoch from a step on, for the known ranks, by micro-batch. */
  async *globalBatches(epoch: number, step: number): AsyncGenerator<ArrayLike<number> & Iterable<number>> {
    if (!this.isPerRank) {
      const whole = { rank: 0, worldSize: 1, gradientAccumulationSteps: 1 };
      for await (const { indices } of orderOf(this.#opened.loader)(epoch, step, whole)) yield indices;
      return;
    }
    const ranks = this.ranks.map((rank) => this.#rankOrder(epoch, step, rank));
    try {
      for (;;) {
        const samples: number[] = [];
        for (let microBatch = 0; microBatch < this.gradientAccumulationSteps; microBatch++)
          for (const rank of ranks) samples.push(...((await rank.next()).value?.indices ?? []));
        if (samples.length === 0) return;
        yield samples;
      }
    } finally {
      for (const rank of ranks) await rank.return(undefined);
    }
  }

  /** The samples of indices of an epoch: in a mixture, an index is another sample under other weights. */
  sourceSamples(indices: ArrayLike<number> & Iterable<number>, epoch: number): ArrayLike<number> {
    const { dataset } = this.#opened;
    if (!(dataset instanceof MixtureDataset)) return indices;
    return Array.from(indices, (index) => dataset.originOf(index, epoch)).flatMap(({ source, index }) => [
      source,
      index,
    ]);
  }

  /**
   * All sightings of a sample in the first `steps` steps of the run. Iterates the order, rank by rank, if the loader cannot compute them.
   *
   * @param sample - An index, or another argument of `DataLoader.whenSeen`.
   */
  async whenSeen(sample: number | object, steps: number): Promise<Sighting[]> {
    const { loader } = this.#opened;
    const epochs = Math.max(1, Math.ceil(this.epochs.epochsIn(steps)));
    const isInRun = ({ epoch, step }: Sighting) => this.epochs.startOf(epoch) + step < steps;
    // A drawn order only knows the samples drawn so far.
    if (loader instanceof DataLoader && loader.batchSampler?.whenSeen && !loader.batchSampler.stateDict)
      return loader.whenSeen(sample, { epochs }).filter(isInRun);
    if (typeof sample !== 'number') throw cannotSay(loader.constructor.name);
    const sightings: Sighting[] = [];
    for (let epoch = 0; epoch < epochs; epoch++)
      for (const rank of this.ranks) sightings.push(...(await this.#search(sample, epoch, rank)));
    return sightings.filter(isInRun).sort((a, b) => a.epoch - b.epoch || a.step - b.step || a.rank - b.rank);
  }

  async #search(sample: number, epoch: number, rank: number): Promise<Sighting[]> {
    const sightings: Sighting[] = [];
    let number = 0;
    for await (const { indices } of this.#rankOrder(epoch, 0, rank)) {
      const step = Math.floor(number / this.gradientAccumulationSteps);
      const microBatch = number % this.gradientAccumulationSteps;
      number += 1;
      for (let slot = 0; slot < indices.length; slot++)
        if (indices[slot] === sample) sightings.push({ epoch, step, microBatch, rank, slot });
    }
    return sightings;
  }

  /** The batches of one rank from a step on. */
  async *#rankOrder(epoch: number, step: number, rank: number): AsyncGenerator<PlannedSamples> {
    const { worldSize, gradientAccumulationSteps } = this;
    if (!this.isPerRank) {
      const layout = { rank, worldSize, gradientAccumulationSteps };
      yield* orderOf(this.#opened.loader)(epoch, step, layout);
      return;
    }
    // A DeepSpeed loader would read the data.
    const isOwn = this.ranks.length === 1 && this.#opened.kind !== 'deepspeed';
    const opened = isOwn ? this.#opened : await this.#openForRank(rank, worldSize);
    try {
      // The rank's sampler divides the order itself; the loader may divide it further.
      const { loader } = opened;
      const options =
        loader instanceof DataLoader ? loader.options : { rank: 0, worldSize: 1, gradientAccumulationSteps };
      yield* orderOf(loader)(epoch, step, { ...options, gradientAccumulationSteps });
    } finally {
      if (!isOwn) await opened.close();
    }
  }
}

function launchedRanks({ loader, launch }: OpenedConfig): number {
  return loader instanceof DataLoader
    ? Math.max(loader.options.worldSize, launch.worldSize)
    : launch.worldSize;
}

function microBatchesOf(loader: AnyLoader): number {
  const { length } = loader;
  if (length !== null) return length;
  throw new CapabilityError('The length of the dataset is unknown', {
    where: { stage: 'dataset' },
    next: 'Open the files as a map-style dataset.',
  });
}
