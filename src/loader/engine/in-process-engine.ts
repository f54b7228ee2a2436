import { LentMemory, LocalMemory } from '../batch/batch-memory.js';
import type { BatchMaker, TaskResult } from '../batch/batch-result.js';
import type { DatasetFacts } from '../order/dataset-facts.js';
import type { BatchEngine } from './batch-engine.js';
import { StageSampler, sharedMoment } from './making-times.js';
import { type LockPages, SlotPages } from './slot-pages.js';
import type { Ticket } from './ticket.js';

/** How batches are made. */
export interface InProcessSettings {
  readonly reuseBuffers: boolean;
  /** Locks the pages of lent batches. @defaultValue they are not locked */
  readonly lockPages: LockPages | undefined;
  /** Why there are no workers, if some were requested. */
  readonly reason: Error | undefined;
}

/** Makes batches on this thread, each on request. */
export class InProcessEngine implements BatchEngine {
  readonly numWorkers = 0;
  readonly window = 0;
  readonly broken = false;
  readonly restarts = 0;
  readonly reason: string | undefined;
  readonly #facts: DatasetFacts;
  readonly #maker: BatchMaker;
  readonly #memory: LocalMemory | LentMemory;
  /** `undefined` while the loader is not observed. */
  #sampler: StageSampler | undefined;
  /** When the current batch was started. */
  #started: number | undefined;
  readonly #pages: SlotPages | undefined;

  constructor(
    facts: DatasetFacts,
    maker: BatchMaker,
    { reuseBuffers, lockPages, reason }: InProcessSettings,
  ) {
    this.reason = reason?.message;
    this.#facts = facts;
    this.#maker = maker;
    this.#memory = reuseBuffers ? new LentMemory(undefined, lockPages !== undefined) : new LocalMemory();
    this.#pages = lockPages && new SlotPages(lockPages);
  }

  async facts(): Promise<DatasetFacts> {
    return this.#facts;
  }

  submit(ticket: Ticket): void {
    this.#memory.begin();
    if (this.#sampler) {
      this.#started = performance.now();
      this.#sampler.begin(this.#started);
    }
    try {
      const result = this.#maker.make(ticket.task, this.#memory);
      if (result instanceof Promise) void this.#await(ticket, result);
      else this.#finish(ticket, result);
    } catch (error) {
      this.#fail(ticket, error);
    }
  }

  flush(): void {}

  resize(): void {}

  observe(on: boolean): void {
    // The current batch is not measured to its end.
    this.#sampler?.end();
    this.#sampler = on ? new StageSampler() : undefined;
    this.#started = undefined;
  }

  async #await(ticket: Ticket, result: Promise<TaskResult>): Promise<void> {
    try {
      this.#finish(ticket, await result);
    } catch (error) {
      this.#fail(ticket, error);
    }
  }

  #finish(ticket: Ticket, result: TaskResult): void {
    const stages = this.#sampler?.end();
    if (this.#started !== undefined) {
      const makeMs = performance.now() - this.#started;
      ticket.making = { worker: null, startedAt: sharedMoment(this.#started), makeMs, stages };
    }
    ticket.resolve(this.#lend(result));
  }

  #lend(result: TaskResult): TaskResult {
    const memory = this.#memory;
    const { slot, place, overflowed } = memory.end();
    if (!(memory instanceof LentMemory) || slot === undefined) return result;
    if (place) this.#pages?.lock(slot, memory.buffer, place);
    if (result.type === 'batch') {
      return { ...result, overflowed, release: () => memory.release(slot) };
    }
    memory.release(slot);
    return result;
  }

  #fail(ticket: Ticket, error: unknown): void {
    this.#sampler?.end();
    const { slot } = this.#memory.end();
    if (this.#memory instanceof LentMemory && slot !== undefined) this.#memory.release(slot);
    ticket.reject(error);
  }

  ref(): void {}

  unref(): void {}

  cancel(): void {}

  async abort(): Promise<void> {}

  async close(): Promise<void> {
    this.#pages?.unlock();
  }
}
