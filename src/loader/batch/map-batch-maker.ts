import { checkTensors } from '../../core/checked-tensor.js';
import type { BatchContext, Dataset } from '../../core/dataset.js';
import { checkIndex } from '../../core/index-range.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { DrawContext } from '../../random/sample-context.js';
import type { IndexTask } from '../order/batch-task.js';
import { passAt } from '../order/order-positions.js';
import type { BatchMemory } from './batch-memory.js';
import type { BatchMaker, SkippedSample, TaskResult } from './batch-result.js';
import { type FetchSample, firstMade, noSampleLeft, type SampleSteps, settle } from './sample-steps.js';

/** Makes batches of a map-style dataset: with `getBatch` if possible, else sample by sample. */
export class MapBatchMaker implements BatchMaker<IndexTask> {
  readonly #dataset: Dataset<unknown>;
  readonly #samples: SampleSteps;
  readonly #progress: Int32Array;
  readonly #fetchOne: FetchSample;

  constructor(dataset: Dataset<unknown>, samples: SampleSteps, progress: Int32Array = new Int32Array(2)) {
    this.#dataset = dataset;
    this.#samples = samples;
    this.#progress = progress;
    this.#fetchOne = (context) => dataset.get(context.index, context);
  }

  make(task: IndexTask, memory: BatchMemory): MaybePromise<TaskResult> {
    const { steps, settings } = this.#samples;
    const made = (value: unknown, samples: number, skipped: readonly SkippedSample[]): TaskResult => ({
      type: 'batch',
      value,
      samples,
      skipped,
    });
    // `getBatch` cannot omit one sample, so 'skip' and 'retry' fetch sample by sample.
    if (steps.fused && this.#dataset.getBatch && settings.onError === 'throw') {
      return andThen(this.#whole(task, memory), (value) => {
        checkTensors(value);
        return made(value, task.indices.length, []);
      });
    }
    return andThen(settle(this.#fetch(task)), ({ samples, skipped }) => {
      if (samples.length === 0) return this.#standIn(task, memory, skipped);
      return andThen(this.#samples.collate(samples, memory, task), (value) =>
        made(value, samples.length, skipped),
      );
    });
  }

  /**
   * Handles a batch of which no sample can be made. The other ranks and micro-batches of the step still have samples, so this batch
   * holds the first sample of the global batch that can be made. If there are no others, the batch is omitted.
   */
  #standIn(
    task: IndexTask,
    memory: BatchMemory,
    skipped: readonly SkippedSample[],
  ): MaybePromise<TaskResult> {
    if (!task.others) return { type: 'nothing', skipped };
    const failed = new Set(task.indices);
    const tries = Array.from(task.others)
      .filter((index) => !failed.has(index))
      .map((index) => () => this.#fetch({ ...task, indices: Float64Array.of(index) })[0]);
    return firstMade(tries).then((made) => {
      if (!made) throw noSampleLeft(task, skipped);
      return andThen(this.#samples.collate([made.sample], memory, task), (value) => ({
        type: 'batch',
        value,
        samples: 1,
        skipped,
        standsIn: true,
      }));
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

  #context({ indices, positions, epoch, globalStep }: IndexTask, slot: number): DrawContext {
    const position = positions.start + slot * positions.step;
    return new DrawContext(indices[slot]!, {
      epoch,
      seed: this.#samples.settings.seed,
      worker: this.#samples.worker,
      position,
      pass: passAt(position, this.#dataset.length),
      globalStep,
    });
  }
}
