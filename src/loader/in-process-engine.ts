import type { Dataset, IterableDataset } from '../core/dataset.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { BatchEngine } from './batch-engine.js';
import { LentMemory, LocalMemory } from './batch-memory.js';
import type { BatchMaker, BatchTask, TaskResult } from './batch-task.js';
import { type DatasetFacts, factsOf } from './dataset-facts.js';

/** Makes batches on this thread, each when it is asked for. */
export class InProcessEngine implements BatchEngine {
  readonly window = 0;
  readonly broken = false;
  readonly #dataset: Dataset<unknown> | IterableDataset<unknown>;
  readonly #maker: BatchMaker;
  readonly #memory: LocalMemory | LentMemory;

  constructor(
    dataset: Dataset<unknown> | IterableDataset<unknown>,
    maker: BatchMaker,
    reuseBuffers: boolean,
  ) {
    this.#dataset = dataset;
    this.#maker = maker;
    this.#memory = reuseBuffers ? new LentMemory() : new LocalMemory();
  }

  async facts(): Promise<DatasetFacts> {
    return factsOf(this.#dataset);
  }

  submit(task: BatchTask): MaybePromise<TaskResult> {
    this.#memory.begin();
    try {
      const result = this.#maker.make(task, this.#memory);
      return result instanceof Promise ? result.then(this.#lend, this.#fail) : this.#lend(result);
    } catch (error) {
      return this.#fail(error);
    }
  }

  readonly #lend = (result: TaskResult): TaskResult => {
    const memory = this.#memory;
    const { slot } = memory.end();
    if (!(memory instanceof LentMemory) || slot === undefined) return result;
    if (result.type === 'batch') return { ...result, release: () => memory.release(slot) };
    memory.release(slot);
    return result;
  };

  readonly #fail = (error: unknown): never => {
    const { slot } = this.#memory.end();
    if (this.#memory instanceof LentMemory && slot !== undefined) this.#memory.release(slot);
    throw error;
  };

  hold(): void {}

  unhold(): void {}

  cancel(): void {}

  async abort(): Promise<void> {}

  async close(): Promise<void> {}
}
