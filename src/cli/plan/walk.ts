import type { SampleLength } from '../../tokens/sample-lengths.js';
import type { RunOrder } from './run-order.js';

/** Maximum number of indices that are read, and of samples whose visits are counted. */
const mostIndices = 4_000_000;
const mostCounted = 50_000_000;
/** Steps sampled from an epoch too long to walk in full. */
const spreadSteps = 200;

/** Content of some steps. */
export interface Walk {
  /** Number of steps examined. */
  readonly steps: number;
  /** Whether these are all requested steps. */
  readonly isWhole: boolean;
  /** Number of indices in these steps. */
  readonly samples: number;
  /** Number of indices in the largest step. */
  readonly largest: number;
  /** Visits per sample, if all steps were examined. */
  readonly visits: Uint32Array | undefined;
  /** Present if sample lengths are known. */
  readonly tokens: TokenCount | undefined;
}

/** Tokens of global batches. */
export interface TokenCount {
  readonly total: number;
  readonly fewest: number;
  readonly most: number;
  /** Tokens after padding each rank's batch to its longest sample. */
  readonly padded: number;
}

/** How the samples of a batch are split and measured. */
export interface WalkOptions {
  readonly order: RunOrder;
  readonly datasetLength: number;
  readonly lengthOf: SampleLength | undefined;
  /** Number of steps from the start of the run, within one epoch. */
  readonly steps: number;
}

/** Reads the order of the steps; if there are too many, of evenly spaced ones. */
export async function walk({ order, datasetLength, lengthOf, steps }: WalkOptions): Promise<Walk> {
  const counter = new Counter(order, lengthOf);
  const batchSize = await firstBatchSize(order);
  const isWhole = steps * batchSize <= mostIndices && datasetLength <= mostCounted;
  const visits = isWhole ? new Uint32Array(datasetLength) : undefined;
  if (isWhole) {
    for (let done = 0; done < steps; ) {
      const before = done;
      const { epoch } = order.epochs.stepAt(done);
      const end = order.epochs.startOf(epoch + 1);
      for await (const batch of order.globalBatches(epoch, 0)) {
        counter.add(batch, epoch, done);
        for (const index of batch) visits![index]!++;
        if (++done === steps || done === end) break;
      }
      if (done === before) break;
    }
  } else {
    const examined = Math.min(spreadSteps, steps);
    for (let k = 0; k < examined; k++) {
      const globalStep = Math.floor((k * steps) / examined);
      const { epoch, step } = order.epochs.stepAt(globalStep);
      for await (const batch of order.globalBatches(epoch, step)) {
        counter.add(batch, epoch, globalStep);
        break;
      }
    }
  }
  return {
    steps: counter.steps,
    isWhole,
    samples: counter.samples,
    largest: counter.largest,
    visits,
    tokens: counter.tokens,
  };
}

async function firstBatchSize(order: RunOrder): Promise<number> {
  for await (const batch of order.globalBatches(0, 0)) return batch.length;
  return 0;
}

class Counter {
  steps = 0;
  samples = 0;
  largest = 0;
  readonly #batches: number;
  readonly #lengthOf: SampleLength | undefined;
  #total = 0;
  #fewest = Number.POSITIVE_INFINITY;
  #most = 0;
  #padded = 0;

  constructor({ gradientAccumulationSteps, ranks }: RunOrder, lengthOf: SampleLength | undefined) {
    this.#batches = gradientAccumulationSteps * ranks.length;
    this.#lengthOf = lengthOf;
  }

  add(batch: ArrayLike<number>, epoch: number, globalStep: number): void {
    this.steps += 1;
    this.samples += batch.length;
    this.largest = Math.max(this.largest, batch.length);
    if (!this.#lengthOf) return;
    const perBatch = Math.max(1, Math.ceil(batch.length / this.#batches));
    let tokens = 0;
    let longest = 0;
    for (let i = 0; i < batch.length; i++) {
      const length = this.#lengthOf(batch[i]!, epoch, globalStep);
      tokens += length;
      longest = i % perBatch === 0 ? length : Math.max(longest, length);
      if ((i + 1) % perBatch === 0 || i + 1 === batch.length) this.#padded += longest * ((i % perBatch) + 1);
    }
    this.#total += tokens;
    this.#fewest = Math.min(this.#fewest, tokens);
    this.#most = Math.max(this.#most, tokens);
  }

  get tokens(): TokenCount | undefined {
    if (!this.#lengthOf || this.steps === 0) return undefined;
    return {
      total: this.#total,
      fewest: this.#fewest,
      most: this.#most,
      padded: this.#padded,
    };
  }
}
