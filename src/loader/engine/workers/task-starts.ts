import { sharedBuffer } from '../../../core/shared-buffer.js';

/** Tasks whose beginnings are kept. */
const kept = 1_024;

/**
 * When a worker began each of its last tasks, in memory that the main thread reads: in a message, one number would cost as much as all
 * other fields of a batch.
 */
export class TaskStarts {
  readonly buffer: ArrayBufferLike;
  readonly #moments: Float64Array;

  constructor(buffer: ArrayBufferLike = sharedBuffer(8 * kept)) {
    this.buffer = buffer;
    this.#moments = new Float64Array(buffer);
  }

  /** Task `id` is begun at a moment that all threads share. */
  note(id: number, moment: number): void {
    this.#moments[id % kept] = moment;
  }

  /**
   * When task `id` was begun.
   *
   * @param given - How many tasks the worker has been given.
   * @returns `undefined` where the moment of a later one may stand in its place, or memory cannot be shared
   */
  of(id: number, given: number): number | undefined {
    return given - id <= kept ? this.#moments[id % kept] || undefined : undefined;
  }
}
