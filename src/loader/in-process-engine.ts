import type { Dataset, IterableDataset } from '../core/dataset.js';
import type { BatchEngine } from './batch-engine.js';
import { LentMemory, OwnedMemory } from './batch-memory.js';
import type { BatchMaker, BatchTask, TaskResult } from './batch-task.js';
import { type DatasetFacts, factsOf } from './dataset-facts.js';

/** Makes batches on this thread, each when it is asked for. */
export class InProcessEngine implements BatchEngine {
  readonly window = 0;
  readonly broken = false;
  readonly #dataset: Dataset<unknown> | IterableDataset<unknown>;
  readonly #maker: BatchMaker;
  readonly #memory: OwnedMemory | LentMemory;

  constructor(
    dataset: Dataset<unknown> | IterableDataset<unknown>,
    maker: BatchMaker,
    reuseBuffers: boolean,
  ) {
    this.#dataset = dataset;
    this.#maker = maker;
    this.#memory = reuseBuffers ? new LentMemory() : new OwnedMemory();
  }

  async facts(): Promise<DatasetFacts> {
    return factsOf(this.#dataset);
  }

  async submit(task: BatchTask): Promise<TaskResult> {
    const memory = this.#memory;
    memory.begin();
    try {
      const result = await this.#maker.make(task, memory);
      const { slot } = memory.end();
      if (!(memory instanceof LentMemory) || slot === undefined) return result;
      if (result.type === 'batch') return { ...result, release: () => memory.release(slot) };
      memory.release(slot);
      return result;
    } catch (error) {
      const { slot } = memory.end();
      if (memory instanceof LentMemory && slot !== undefined) memory.release(slot);
      throw error;
    }
  }

  hold(): void {}

  unhold(): void {}

  cancel(): void {}

  async abort(): Promise<void> {}

  async close(): Promise<void> {}
}
