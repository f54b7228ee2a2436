import { type Dataset, isMapDataset } from '../../core/dataset.js';
import type { BatchSampler as BatchSource } from '../../core/sampler.js';
import type { EpochPlan, PlannedTask } from './epoch-plan.js';

/** Number of tasks drawn ahead per returned task: the first batch must not wait for all of them. */
const drawnAtOnce = 8;
/** Maximum number of tasks known ahead, if all the bytes they need are present already. */
const mostAhead = 2_048;

interface Announced {
  readonly planned: PlannedTask;
  /** Bytes that it needs beyond those of earlier tasks. */
  readonly bytes: number;
}

/**
 * Runs ahead of a plan and lets a remote dataset request samples before they are needed: in their order, up to a
 * number of bytes.
 */
export class LookAheadPlan implements EpochPlan {
  readonly #plan: EpochPlan;
  readonly #dataset: Dataset<unknown>;
  readonly #maxBytes: number;
  #ahead: Announced[] = [];
  /** Bytes that were requested and are not needed yet. */
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #isThrough = false;

  constructor(plan: EpochPlan, dataset: Dataset<unknown>, maxBytes: number) {
    this.#plan = plan;
    this.#dataset = dataset;
    this.#maxBytes = maxBytes;
  }

  next(): PlannedTask | undefined {
    if (this.#ahead.length === 0 && !this.#isThrough) this.#draw();
    const first = this.#ahead.shift();
    if (first) {
      this.#bytes -= first.bytes;
      // The next samples are in transit while this batch is made.
      for (let drawn = 0; drawn < drawnAtOnce && this.#mayDraw(); drawn++) this.#draw();
      return first.planned;
    }
    if (this.#failure) throw this.#failure.error;
    return this.#plan.next();
  }

  #mayDraw(): boolean {
    return !this.#isThrough && this.#bytes < this.#maxBytes && this.#ahead.length < mostAhead;
  }

  #draw(): void {
    try {
      const planned = this.#plan.next();
      if (!planned) {
        this.#isThrough = true;
        return;
      }
      const { task } = planned;
      const asked = task.type === 'indices' ? this.#dataset.prefetch?.(task.indices, task.epoch) : undefined;
      // Nothing is remote, so there is nothing to request.
      if (typeof asked !== 'number') this.#isThrough = true;
      const bytes = typeof asked === 'number' ? asked : 0;
      this.#ahead.push({ planned, bytes });
      this.#bytes += bytes;
    } catch (error) {
      // The batches before the error are delivered first.
      this.#failure = { error };
      this.#isThrough = true;
    }
  }
}

/**
 * Makes a plan that looks ahead, if possible: the dataset is in this thread, and the order is a function, so that
 * drawing early changes nothing.
 *
 * @param maxBytes - 0 does not look ahead.
 */
export function lookAhead(
  plan: EpochPlan,
  dataset: unknown,
  sampler: BatchSource,
  maxBytes: number,
): EpochPlan {
  const isFunction = sampler.seek !== undefined && sampler.stateDict === undefined;
  if (maxBytes === 0 || !isFunction || !isMapDataset(dataset) || !dataset.prefetch) return plan;
  return new LookAheadPlan(plan, dataset, maxBytes);
}
