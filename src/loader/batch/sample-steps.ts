import type { Collate } from '../../core/collate.js';
import { type DatasetTitle, datasetTitle, type SampleContext } from '../../core/dataset.js';
import { type CollateError, type MillraceError, SampleError } from '../../core/errors.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type StageClock, stageClock, type TimedStage } from '../../core/stage-clock.js';
import { messageOf } from '../../core/thrown.js';
import type { DrawContext } from '../../random/sample-context.js';
import { type BatchTask, locationOfTask } from '../order/batch-task.js';
import type { BatchMemory } from './batch-memory.js';
import type { SkippedSample } from './batch-result.js';
import { TaskCollateContext } from './collate-context.js';
import { collateAt, collateFailure } from './collate-failure.js';
import { neverSkipped, type SampleCache } from './sample-cache.js';

/** Changes one sample before it is collated. Draw random numbers from `context.rng` only. */
export type Transform = (sample: never, context: SampleContext) => unknown;

/** Fetches the sample of a context. */
export type FetchSample = (context: SampleContext) => unknown;

/** How to handle a sample that fails. */
export type OnError = 'throw' | 'skip' | 'replace' | 'retry';

/** Settings that are equal on every thread. */
export interface BatchSettings {
  readonly seed: number;
  readonly onError: OnError;
  /** Samples per global batch of an iterable dataset. */
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly rank: number;
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
  readonly provenance: boolean;
}

/** The steps of making a batch, as functions of this thread. */
export interface BatchSteps {
  readonly transform: Transform | undefined;
  /** If `undefined`, samples are not collated: the main thread does it. */
  readonly collate: Collate<unknown, unknown> | undefined;
  /** Whether the dataset may make whole batches itself: there is no transform and no custom collate. */
  readonly fused: boolean;
}

/** Number of attempts at a sample under `onError: 'retry'`, including the first, and the pause before the second. */
const attempts = 4;
const firstPauseMs = 50;

/** Takes one sample through fetch and transform, with the error policy, and collates. */
export class SampleSteps {
  readonly #title: DatasetTitle;
  readonly steps: BatchSteps;
  readonly settings: BatchSettings;
  readonly worker: number | null;
  /** Whether a sample is more than what the dataset returns. */
  readonly changesSamples: boolean;

  /** Makes a sample, or takes it from the cache: chosen once, so that a loader without a cache has no cost. */
  readonly #once: (fetch: FetchSample, context: DrawContext) => unknown;

  constructor(
    dataset: object,
    steps: BatchSteps,
    settings: BatchSettings,
    worker: number | null,
    cache?: SampleCache,
  ) {
    this.#title = datasetTitle(dataset);
    this.steps = cache ? { ...steps, fused: false } : steps;
    this.changesSamples = steps.transform !== undefined || cache !== undefined;
    this.#once = cache
      ? (fetch, context) => cache.sample(context, (fixed) => this.#make(fetch, fixed))
      : (fetch, context) => this.#make(fetch, context);
    this.settings = settings;
    this.worker = worker;
  }

  /** Fetches and transforms a sample. Stays synchronous as long as both are. */
  run(fetch: FetchSample, context: DrawContext): unknown {
    try {
      const sample = this.#once(fetch, context);
      return sample instanceof Promise
        ? sample.catch((cause: unknown) => this.#recover(fetch, context, cause))
        : sample;
    } catch (cause) {
      return this.#recover(fetch, context, cause);
    }
  }

  collate(samples: readonly unknown[], memory: BatchMemory, task: BatchTask): MaybePromise<unknown> {
    if (!this.steps.collate) return samples;
    const { collate } = this.steps;
    const context = new TaskCollateContext(memory.allocate, task, this.settings);
    const clock = stageClock();
    const run = clock ? timedCollate(clock, collate) : collate;
    return collateAt(this.#title.where, task, run, samples, context);
  }

  /** The error for samples that do not fit together, with the location of their batch. */
  misfit(task: BatchTask, cause: CollateError): MillraceError {
    return collateFailure(this.#title.where, task, cause);
  }

  /** The error for a failed sample, with its location. */
  failure(context: SampleContext, cause: unknown): SampleError {
    const { index, epoch } = context;
    const reason = messageOf(cause);
    return new SampleError(`Sample ${index} of ${this.#title.name} could not be made: ${trimStop(reason)}`, {
      where: { ...this.#title.where, index, epoch, ...(this.worker === null ? {} : { worker: this.worker }) },
      next: `The cause has the original error. Repair the sample, or pass onError: 'skip' to skip and count such samples.`,
      cause,
    });
  }

  #make(fetch: FetchSample, context: SampleContext): unknown {
    const { transform } = this.steps;
    const sample = fetch(context);
    if (!transform) return sample;
    const clock = stageClock();
    return andThen(sample, (value) =>
      clock
        ? timed(clock, 'transform', () => transform(value as never, context))
        : transform(value as never, context),
    );
  }

  async #recover(fetch: FetchSample, context: DrawContext, cause: unknown): Promise<unknown> {
    const { onError } = this.settings;
    if (typeof cause === 'object' && cause !== null && neverSkipped in cause) throw cause;
    if (onError === 'skip' || onError === 'replace') return skip(context, cause);
    if (onError === 'throw') throw this.failure(context, cause);
    let last = cause;
    for (let attempt = 2; attempt <= attempts; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, firstPauseMs * 2 ** (attempt - 2)));
      try {
        // Each attempt starts with the same random numbers.
        return await this.#once(fetch, context.again());
      } catch (again) {
        last = again;
      }
    }
    throw this.failure(context, last);
  }
}

/** Runs a step and measures its time. */
function timed<R>(clock: StageClock, stage: TimedStage, step: () => MaybePromise<R>): MaybePromise<R> {
  let result: MaybePromise<R> | undefined;
  clock.enter(stage);
  try {
    result = step();
  } finally {
    if (!(result instanceof Promise)) clock.leave(stage);
  }
  return result instanceof Promise ? result.finally(() => clock.leave(stage)) : result;
}

function timedCollate(clock: StageClock, collate: Collate<unknown, unknown>): Collate<unknown, unknown> {
  return (samples, context) => timed(clock, 'collate', () => collate(samples, context));
}

/** Takes the position of a sample that was omitted. */
class Skipped implements SkippedSample {
  readonly index: number;
  readonly epoch: number;
  readonly reason: string;

  constructor({ index, epoch }: SampleContext, cause: unknown) {
    this.index = index;
    this.epoch = epoch;
    this.reason = messageOf(cause);
  }
}

function skip(context: SampleContext, cause: unknown): Skipped {
  return new Skipped(context, cause);
}

/** Makes the first sample that can be made, trying one after the other; `undefined` if none can. */
export async function firstMade(
  indices: Iterable<number>,
  make: (index: number) => unknown,
): Promise<{ readonly sample: unknown; readonly index: number } | undefined> {
  for (const index of indices) {
    const sample = await make(index);
    if (!(sample instanceof Skipped)) return { sample, index };
  }
  return undefined;
}

/** The error for a batch without a sample and without a replacement: leaving it out would put ranks or micro-batches out of step. */
export function noSampleLeft(task: BatchTask, skipped: readonly SkippedSample[]): SampleError {
  const last = skipped[skipped.length - 1]!;
  return new SampleError(
    `No sample of a batch could be made, and none that could replace it; the last reason was: ${trimStop(last.reason)}`,
    {
      where: { ...locationOfTask(task), index: last.index },
      next: 'Leaving out the batch would put ranks or micro-batches out of step. Repair the samples, or seek past the batch on all ranks.',
    },
  );
}

/** Waits for all samples, so that no rejection goes unhandled, and separates the skipped ones. */
export function settle(pending: readonly unknown[]): MaybePromise<SettledSamples> {
  return pending.some(isPromise)
    ? Promise.allSettled(pending).then((results) => sortOut(results.map(fulfilledValue)))
    : sortOut(pending);
}

/** The samples of a batch, and the skipped ones. */
export interface SettledSamples {
  readonly samples: readonly unknown[];
  readonly skipped: readonly SkippedSample[];
  /** The slots of the samples in the task; absent if none was skipped. */
  readonly slots?: readonly number[];
}

export const noneSkipped: readonly SkippedSample[] = [];

function isPromise(sample: unknown): boolean {
  return typeof sample === 'object' && sample instanceof Promise;
}

function isSkipped(sample: unknown): boolean {
  return typeof sample === 'object' && sample instanceof Skipped;
}

function sortOut(settled: readonly unknown[]): SettledSamples {
  if (!settled.some(isSkipped)) return { samples: settled, skipped: noneSkipped };
  const slots = Array.from(settled.keys()).filter((slot) => !(settled[slot] instanceof Skipped));
  return {
    samples: slots.map((slot) => settled[slot]),
    slots,
    skipped: settled.filter((sample) => sample instanceof Skipped).map((sample) => ({ ...sample })),
  };
}

function fulfilledValue(result: PromiseSettledResult<unknown>): unknown {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

function trimStop(message: string): string {
  return message.endsWith('.') ? message.slice(0, -1) : message;
}
