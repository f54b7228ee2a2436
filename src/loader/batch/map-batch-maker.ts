import { checkTensors } from '../../core/checked-tensor.js';
import type { BatchContext, Dataset } from '../../core/dataset.js';
import { CollateError } from '../../core/errors.js';
import { type HoldsSamples, heldSamples, takeHeld } from '../../core/held-samples.js';
import { checkIndex } from '../../core/index-range.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { DrawContext } from '../../random/sample-context.js';
import type { IndexTask } from '../order/batch-task.js';
import { passAt } from '../order/order-positions.js';
import type { BatchMemory } from './batch-memory.js';
import type { BatchMaker, BatchResult, SkippedSample, TaskResult } from './batch-result.js';
import { type MadeBatch, OriginTracer } from './origin-tracer.js';
import { replacementsOf } from './replacements.js';
import {
  type FetchSample,
  firstMade,
  noneSkipped,
  noSampleLeft,
  type SampleSteps,
  type SettledSamples,
  settle,
} from './sample-steps.js';

/** Samples that are tried in place of one that cannot be made. If none of them can, something is wrong with all. */
const mostTries = 100;

/** Makes batches of a map-style dataset: with `getBatch` if possible, else sample by sample. */
export class MapBatchMaker implements BatchMaker<IndexTask> {
  readonly #dataset: Dataset<unknown>;
  readonly #samples: SampleSteps;
  readonly #progress: Int32Array;
  readonly #fetchOne: FetchSample;
  /** The samples, if the dataset holds them and nothing else is done with each. */
  readonly #held: ArrayLike<unknown> | undefined;
  /** Makes the result of a batch: chosen once, so that provenance costs nothing when it is off. */
  readonly #result: (task: IndexTask, made: MadeBatch, skipped: readonly SkippedSample[]) => BatchResult;

  constructor(dataset: Dataset<unknown>, samples: SampleSteps, progress: Int32Array = new Int32Array(2)) {
    this.#dataset = dataset;
    this.#samples = samples;
    this.#progress = progress;
    this.#fetchOne = (context) => dataset.get(context.index, context);
    this.#held = samples.changesSamples ? undefined : (dataset as HoldsSamples)[heldSamples]?.();
    const tracer = samples.settings.provenance ? new OriginTracer(dataset) : undefined;
    this.#result = tracer
      ? (task, made, skipped) => ({ ...resultOf(task, made, skipped), origin: tracer.trace(task, made) })
      : resultOf;
  }

  make(task: IndexTask, memory: BatchMemory): MaybePromise<TaskResult> {
    const { steps, settings } = this.#samples;
    // `getBatch` cannot omit one sample, so the other policies fetch sample by sample.
    if (steps.fused && this.#dataset.getBatch && settings.onError === 'throw') {
      return andThen(this.#whole(task, memory), (value) => {
        checkTensors(value);
        return this.#result(task, { value, samples: undefined }, []);
      });
    }
    const held = this.#held && takeHeld(this.#held, task.indices);
    if (held) return this.#collate(task, { samples: held, skipped: noneSkipped }, memory);
    const settled = settle(this.#fetch(task));
    if (!(settled instanceof Promise)) return this.#finish(task, settled, memory);
    return settled.then((samples) => this.#finish(task, samples, memory));
  }

  #finish(task: IndexTask, settled: SettledSamples, memory: BatchMemory): MaybePromise<TaskResult> {
    if (settled.skipped.length === 0) return this.#collate(task, settled, memory);
    if (this.#samples.settings.onError === 'replace') return this.#replace(task, settled, memory);
    if (settled.samples.length === 0) return this.#standIn(task, settled, memory);
    return this.#collate(task, settled, memory);
  }

  #collate(
    task: IndexTask,
    { samples, slots, skipped }: SettledSamples,
    memory: BatchMemory,
  ): MaybePromise<BatchResult> {
    const value = this.#samples.collate(samples, memory, task);
    if (!(value instanceof Promise)) return this.#result(task, { value, samples, slots }, skipped);
    return value.then((collated) => this.#result(task, { value: collated, samples, slots }, skipped));
  }

  /**
   * Handles a batch of which no sample can be made, so that the number of batches stays as it is. It holds the first sample that can be
   * made: of its global batch, or else the next one of its source.
   */
  async #standIn(task: IndexTask, { skipped }: SettledSamples, memory: BatchMemory): Promise<TaskResult> {
    const failed = new Set(task.indices);
    const candidates = [...(task.others ?? []), ...this.#replacements(task, 0)];
    const made = await this.#firstOf(
      task,
      0,
      candidates.filter((index) => !failed.has(index)),
    );
    if (!made) throw noSampleLeft(task, skipped);
    const own = { ...task, indices: Float64Array.of(made.index) };
    const result = await this.#collate(own, { samples: [made.sample], skipped }, memory);
    return { ...result, standsIn: true };
  }

  /** Replaces each sample that cannot be made by the next one of its source that can. */
  async #replace(task: IndexTask, settled: SettledSamples, memory: BatchMemory): Promise<TaskResult> {
    const { skipped, slots = [] } = settled;
    const indices = Float64Array.from(task.indices);
    const samples: unknown[] = [];
    for (const [k, slot] of slots.entries()) samples[slot] = settled.samples[k];
    const kept = new Set(slots);
    for (let slot = 0; slot < indices.length; slot++) {
      if (kept.has(slot)) continue;
      const made = await this.#firstOf(task, slot, this.#replacements(task, slot));
      if (!made) throw noSampleLeft(task, skipped);
      samples[slot] = made.sample;
      indices[slot] = made.index;
    }
    const result = await this.#collate({ ...task, indices }, { samples, skipped }, memory);
    return slots.length === 0 ? { ...result, standsIn: true } : result;
  }

  /** The samples that are tried for a slot, in order. */
  #replacements({ indices, epoch }: IndexTask, slot: number): number[] {
    const found: number[] = [];
    for (const index of replacementsOf(this.#dataset, indices[slot]!, epoch))
      if (found.push(index) >= mostTries) break;
    return found;
  }

  /** Makes the first of some samples that can be made, with the random numbers of a slot. */
  #firstOf(
    task: IndexTask,
    slot: number,
    candidates: readonly number[],
  ): Promise<{ readonly sample: unknown; readonly index: number } | undefined> {
    const at = { ...task, positions: { ...task.positions, start: positionAt(task, slot) } };
    return firstMade(candidates, (index) => {
      const context = this.#context({ ...at, indices: Float64Array.of(index) }, 0);
      return this.#samples.run(this.#fetchOne, context);
    });
  }

  #whole(task: IndexTask, memory: BatchMemory): MaybePromise<unknown> {
    const { seed } = this.#samples.settings;
    const { worker } = this.#samples;
    const { epoch } = task;
    const context: BatchContext = {
      epoch,
      seed,
      worker,
      allocate: memory.allocate,
      sample: (slot) => {
        checkIndex(slot, task.indices.length, 'The batch');
        return this.#context(task, slot);
      },
    };
    // Fetching the samples one by one finds the faulty one; if all can be made, `getBatch` is at fault.
    const blame = async (cause: unknown): Promise<never> => {
      await settle(this.#fetch(task));
      if (cause instanceof CollateError) throw this.#samples.misfit(task, cause);
      throw this.#samples.failure(context.sample(0), cause);
    };
    try {
      const batch = this.#dataset.getBatch!(task.indices, context);
      return batch instanceof Promise ? batch.catch(blame) : batch;
    } catch (cause) {
      return blame(cause);
    }
  }

  #fetch(task: IndexTask): unknown[] {
    const { length } = task.indices;
    const samples = new Array<unknown>(length);
    for (let slot = 0; slot < length; slot++) {
      this.#progress[1] = slot;
      samples[slot] = this.#samples.run(this.#fetchOne, this.#context(task, slot));
    }
    return samples;
  }

  #context(task: IndexTask, slot: number): DrawContext {
    const position = positionAt(task, slot);
    return new DrawContext(task.indices[slot]!, {
      epoch: task.epoch,
      seed: this.#samples.settings.seed,
      worker: this.#samples.worker,
      position,
      pass: passAt(position, this.#dataset.length),
      globalStep: task.globalStep,
    });
  }
}

function positionAt({ positions }: IndexTask, slot: number): number {
  return positions.start + slot * positions.step;
}

function resultOf(
  task: IndexTask,
  { value, samples }: MadeBatch,
  skipped: readonly SkippedSample[],
): BatchResult {
  return { type: 'batch', value, samples: samples?.length ?? task.indices.length, skipped };
}
