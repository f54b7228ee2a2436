import type { Collate } from '../core/collate.js';
import { type DatasetTitle, datasetTitle, type SampleContext } from '../core/dataset.js';
import { CollateError, SampleError } from '../core/errors.js';
import type { BatchMemory } from './batch-memory.js';
import { type BatchTask, type SkippedSample, taskPlace } from './batch-task.js';

/** Changes one sample before it is collated. Draw random numbers from `context.rng` only. */
export type Transform = (sample: never, context: SampleContext) => unknown;

/** What to do about a sample that fails. */
export type OnError = 'throw' | 'skip' | 'retry';

/** How batches are made, the same on every thread. */
export interface BatchSettings {
  readonly seed: number;
  readonly onError: OnError;
  /** Samples a global batch of an iterable dataset. */
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly rank: number;
  readonly worldSize: number;
}

/** The steps of making a batch, as functions of this thread. */
export interface BatchSteps {
  readonly transform: Transform | undefined;
  /** `undefined` leaves the samples as they are, for the main thread to collate. */
  readonly collate: Collate<unknown, unknown> | undefined;
  /** Whether the dataset may make whole batches itself: there is no transform and no collate of the user's. */
  readonly fused: boolean;
}

/** Attempts at a sample under `onError: 'retry'`, the first one included, and the pause before the second. */
const attempts = 4;
const firstPauseMs = 50;

/** Takes one sample through fetch and transform, with the error policy, and collates. */
export class SampleSteps {
  readonly #title: DatasetTitle;
  readonly steps: BatchSteps;
  readonly settings: BatchSettings;
  readonly worker: number | null;

  constructor(dataset: object, steps: BatchSteps, settings: BatchSettings, worker: number | null) {
    this.#title = datasetTitle(dataset);
    this.steps = steps;
    this.settings = settings;
    this.worker = worker;
  }

  /** Fetches and transforms a sample. Stays synchronous as long as both are. */
  run(fetch: () => unknown, context: SampleContext): unknown {
    const { transform } = this.steps;
    const once = (): unknown => {
      const sample = fetch();
      if (!transform) return sample;
      return sample instanceof Promise
        ? sample.then((value) => transform(value as never, context))
        : transform(sample as never, context);
    };
    try {
      const sample = once();
      return sample instanceof Promise
        ? sample.catch((cause: unknown) => this.#recover(once, context, cause))
        : sample;
    } catch (cause) {
      return this.#recover(once, context, cause);
    }
  }

  async collate(samples: readonly unknown[], memory: BatchMemory, task: BatchTask): Promise<unknown> {
    try {
      return this.steps.collate ? await this.steps.collate(samples, { allocate: memory.allocate }) : samples;
    } catch (error) {
      throw error instanceof CollateError
        ? error.addPlace({ ...this.#title.where, ...taskPlace(task) })
        : error;
    }
  }

  /** The error for a sample that failed, with where it happened. */
  failure(context: SampleContext, cause: unknown): SampleError {
    const { index, epoch } = context;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new SampleError(`Sample ${index} of ${this.#title.name} could not be made: ${trimStop(reason)}`, {
      where: { ...this.#title.where, index, epoch, ...(this.worker === null ? {} : { worker: this.worker }) },
      next: `The cause has the original error. Mend the sample, or pass onError: 'skip' to leave such samples out and count them.`,
      cause,
    });
  }

  async #recover(once: () => unknown, context: SampleContext, cause: unknown): Promise<unknown> {
    const { onError } = this.settings;
    if (onError === 'skip') return skip(context, cause);
    if (onError === 'throw') throw this.failure(context, cause);
    let last = cause;
    for (let attempt = 2; attempt <= attempts; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, firstPauseMs * 2 ** (attempt - 2)));
      try {
        return await once();
      } catch (again) {
        last = again;
      }
    }
    throw this.failure(context, last);
  }
}

/** Stands where a sample was left out. */
class Skipped implements SkippedSample {
  readonly index: number;
  readonly epoch: number;
  readonly reason: string;

  constructor({ index, epoch }: SampleContext, cause: unknown) {
    this.index = index;
    this.epoch = epoch;
    this.reason = cause instanceof Error ? cause.message : String(cause);
  }
}

function skip(context: SampleContext, cause: unknown): Skipped {
  return new Skipped(context, cause);
}

/** Waits for all samples, so that none fails unseen, and sorts out those that were left out. */
export async function settle(
  pending: readonly unknown[],
): Promise<{ readonly samples: unknown[]; readonly skipped: SkippedSample[] }> {
  const results = pending.some((sample) => sample instanceof Promise)
    ? await Promise.allSettled(pending)
    : pending.map((value) => ({ status: 'fulfilled', value }) as const);
  const samples: unknown[] = [];
  const skipped: SkippedSample[] = [];
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason;
    if (result.value instanceof Skipped) skipped.push({ ...result.value });
    else samples.push(result.value);
  }
  return { samples, skipped };
}

function trimStop(message: string): string {
  return message.endsWith('.') ? message.slice(0, -1) : message;
}
