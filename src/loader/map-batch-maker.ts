import type { BatchContext, Dataset } from '../core/dataset.js';
import type { BatchMemory } from './batch-memory.js';
import type { BatchMaker, IndexTask, TaskResult } from './batch-task.js';
import { LoaderSampleContext } from './sample-context.js';
import { type SampleSteps, settle } from './sample-steps.js';

/** Makes batches of a map-style dataset: by `getBatch` where that is possible, else sample by sample. */
export class MapBatchMaker implements BatchMaker<IndexTask> {
  readonly #dataset: Dataset<unknown>;
  readonly #samples: SampleSteps;

  constructor(dataset: Dataset<unknown>, samples: SampleSteps) {
    this.#dataset = dataset;
    this.#samples = samples;
  }

  async make(task: IndexTask, memory: BatchMemory): Promise<TaskResult> {
    const started = performance.now();
    const { steps, settings } = this.#samples;
    // A whole batch cannot leave one sample out, so that policy goes sample by sample.
    if (steps.fused && this.#dataset.getBatch && settings.onError === 'throw') {
      const value = await this.#whole(task, memory);
      return {
        type: 'batch',
        value,
        samples: task.indices.length,
        skipped: [],
        makeMs: performance.now() - started,
      };
    }
    const { samples, skipped } = await settle(this.#fetch(task));
    if (samples.length === 0) return { type: 'nothing', skipped };
    const value = await this.#samples.collate(samples, memory, task);
    return { type: 'batch', value, samples: samples.length, skipped, makeMs: performance.now() - started };
  }

  async #whole(task: IndexTask, memory: BatchMemory): Promise<unknown> {
    const { seed } = this.#samples.settings;
    const { worker } = this.#samples;
    const { epoch } = task;
    const context: BatchContext = {
      epoch,
      seed,
      worker,
      allocate: memory.allocate,
      sample: (index) => new LoaderSampleContext(index, { epoch, seed, worker }),
    };
    try {
      return await this.#dataset.getBatch!(task.indices, context);
    } catch (cause) {
      // Asking for the samples one by one finds the one at fault; if all of them can be made, the batch is at fault.
      await settle(this.#fetch(task));
      throw this.#samples.failure(context.sample(task.indices[0]!), cause);
    }
  }

  #fetch({ indices, epoch }: IndexTask): unknown[] {
    const pass = { epoch, seed: this.#samples.settings.seed, worker: this.#samples.worker };
    return Array.from(indices, (index) => {
      const context = new LoaderSampleContext(index, pass);
      return this.#samples.run(() => this.#dataset.get(index, context), context);
    });
  }
}
