import { sharedBuffer } from '../../../core/shared-buffer.js';

/** Number of tasks whose start times are kept. */
const kept = 1_024;

/**
 * Start times of a worker's last tasks, in memory that the main thread reads: in a message, one number would cost as
 * much as all other fields of a batch.
 */
export class TaskStarts {
  readonly buffer: ArrayBufferLike;
  readonly #moments: Float64Array;

  constructor(buffer: ArrayBufferLike = sharedBuffer(8 * kept)) {
    this.buffer = buffer;
    this.#moments = new Float64Array(buffer);
  }

  /** Records the start of task `id`, on the shared clock. */
  note(id: number, moment: number): void {
    this.#moments[id % kept] = moment;
  }

  /**
   * Returns the start of task `id`.
   *
   * @param given - Number of tasks that the worker has received.
   * @returns `undefined` if a later task may have overwritten it, or memory cannot be shared
   */
  of(id: number, given: number): number | undefined {
    return given - id <= kept ? this.#moments[id % kept] || undefined : undefined;
  }
}
