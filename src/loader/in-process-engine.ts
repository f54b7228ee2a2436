import type { BatchEngine } from './batch-engine.js';
import { LentMemory, OwnedMemory } from './batch-memory.js';
import type { BatchMaker, BatchTask, TaskResult } from './batch-task.js';

/** Makes batches on this thread, each when it is asked for. */
export class InProcessEngine implements BatchEngine {
  readonly window = 0;
  readonly broken = false;
  readonly #maker: BatchMaker;
  readonly #memory: OwnedMemory | LentMemory;

  constructor(maker: BatchMaker, reuseBuffers: boolean) {
    this.#maker = maker;
    this.#memory = reuseBuffers ? new LentMemory() : new OwnedMemory();
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
