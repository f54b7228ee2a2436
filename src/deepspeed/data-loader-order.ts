import { type Dataset, type IterableDataset, isMapDataset } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import type { Positions, Sampler } from '../core/sampler.js';
import { TorchGenerator } from '../random/index.js';
import { DistributedSampler } from '../samplers/index.js';
import type { LoaderPlan } from './data-loader-options.js';
import { DeepSpeedDataSampler } from './data-sampler.js';
import { TorchRandomOrder } from './torch-random-order.js';
import { VariableBatchSampler } from './variable-batch-sampler.js';

/** The sampler of indices of a plan without curriculum learning; none for a stream, or if a sampler gives whole batches. */
export function createOrder(
  plan: LoaderPlan,
  dataset: Dataset<unknown> | IterableDataset<unknown>,
): Sampler | undefined {
  const { order, dataSampler } = plan;
  if (!isMapDataset(dataset) || dataSampler instanceof VariableBatchSampler) return undefined;
  if (order === 'random') return new TorchRandomOrder(dataset);
  return dataSampler ?? torchDistributedOrder(dataset, plan);
}

/** The sampler of a plan with curriculum learning. */
export function createCurriculumSampler(plan: LoaderPlan, dataset: Dataset<unknown>): DeepSpeedDataSampler {
  const { curriculum, worldSize, rank, batchSize, dataloaderDropLast, parity } = plan;
  return new DeepSpeedDataSampler(curriculum.data_efficiency ?? {}, {
    totalSamples: dataset.length,
    microBatchSize: batchSize,
    dataParallelRank: rank,
    dataParallelWorldSize: worldSize,
    gradientAccumulationSteps: curriculum.gradient_accumulation_steps,
    ...(curriculum.global_rank !== undefined && { globalRank: curriculum.global_rank }),
    dropLast: dataloaderDropLast,
    parity,
  });
}

/** This rank's number among the ranks that read different samples. */
export interface DataParallelRank {
  readonly dataParallelRank: number;
  readonly dataParallelWorldSize: number;
}

/**
 * The order of evaluation: that of the dataset, divided among the ranks. With `parity`, ranks are padded to one
 * length with samples from the start, which then count twice.
 */
export function sequentialOrder(
  dataset: unknown,
  { dataParallelRank: rank, dataParallelWorldSize: worldSize }: DataParallelRank,
  parity: boolean,
): Sampler | undefined {
  if (!isMapDataset(dataset)) return undefined;
  if (parity) return new DistributedSampler(dataset, { worldSize, rank, shuffle: false });
  return new EveryNth(dataset, rank, worldSize);
}

function torchDistributedOrder(dataset: Dataset<unknown>, { worldSize, rank }: LoaderPlan): Sampler {
  return new DistributedSampler(dataset, { worldSize, rank, generator: new TorchGenerator(0) });
}

/** Indices `first`, `first + step`, … of a dataset. */
class EveryNth implements Sampler {
  readonly #dataset: Dataset<unknown>;
  readonly #first: number;
  readonly #step: number;
  #position = 0;

  constructor(dataset: Dataset<unknown>, first: number, step: number) {
    this.#dataset = dataset;
    this.#first = first;
    this.#step = step;
  }

  get length(): number {
    return Math.max(0, Math.ceil((this.#dataset.length - this.#first) / this.#step));
  }

  get positions(): Positions {
    return { start: this.#first, step: this.#step };
  }

  seek(position: number): void {
    this.#position = position;
  }

  *[Symbol.iterator](): Generator<number> {
    const start = this.#position;
    this.#position = 0;
    for (let k = start; k < this.length; k++) yield this.#first + k * this.#step;
  }

  fingerprint(): string {
    return fingerprint({ kind: 'EveryNth', n: this.#dataset.length, step: this.#step });
  }
}

/** A sampler without epochs, as in DeepSpeed: its order is the same in each. */
export class WithoutEpochs implements Sampler {
  readonly #sampler: Sampler;
  readonly mayBeEmpty = true;
  readonly seek: ((position: number) => void) | undefined;

  constructor(sampler: Sampler) {
    this.#sampler = sampler;
    this.seek = sampler.seek?.bind(sampler);
  }

  get length(): number {
    return this.#sampler.length;
  }

  get positions(): Positions | undefined {
    return this.#sampler.positions;
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#sampler[Symbol.iterator]();
  }

  fingerprint(): string {
    return this.#sampler.fingerprint?.() ?? '';
  }
}
