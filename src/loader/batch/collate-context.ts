import type { CollateContext } from '../../core/collate.js';
import type { Allocate, SampleRandom } from '../../core/dataset.js';
import { DrawContext } from '../../random/sample-context.js';
import type { BatchTask } from '../order/batch-task.js';

/** Name of a batch's random numbers, which no part of a sample has. */
const streamName = 'millrace: the batch';

/** Batches are numbered through the shards of a stream, so that each has its own random numbers. */
const batchesPerShard = 2 ** 40;

/** Fields on which the random stream of a batch depends. */
interface StreamSettings {
  readonly seed: number;
  readonly rank: number;
  readonly worldSize: number;
}

/** The context in which the samples of a task are collated. The generator is created at the first draw. */
export class TaskCollateContext implements CollateContext {
  readonly allocate: Allocate;
  readonly #task: BatchTask;
  readonly #settings: StreamSettings;
  #rng: SampleRandom | undefined;

  constructor(allocate: Allocate, task: BatchTask, settings: StreamSettings) {
    this.allocate = allocate;
    this.#task = task;
    this.#settings = settings;
  }

  get rng(): SampleRandom {
    if (!this.#rng) {
      const { epoch } = this.#task;
      const { seed } = this.#settings;
      const at = { epoch, seed, worker: null, position: positionOf(this.#task, this.#settings) };
      this.#rng = new DrawContext(0, at).part(streamName).rng;
    }
    return this.#rng;
  }
}

/** A number that no other batch of the epoch has, on any rank: for a map-style dataset, the position of its first sample. */
function positionOf(task: BatchTask, { rank, worldSize }: StreamSettings): number {
  if (task.type === 'indices') return task.positions.start;
  return task.shard * batchesPerShard + task.ordinal * worldSize + rank;
}
