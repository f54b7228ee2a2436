/** From a global step on, global batches have this many samples. */
export interface BatchSizeStage {
  /** The first global step, from 0. */
  readonly step: number;
  /** Samples per global batch, over all ranks and micro-batches. */
  readonly batchSize: number;
}

/** Global batches of one size that follow one another in an epoch. */
export interface EpochStage {
  /** The first of them: its step in the epoch, and the position of its first sample. */
  readonly step: number;
  readonly position: number;
  readonly batchSize: number;
  readonly steps: number;
}

/** A global batch of an epoch. */
export interface BatchPlace {
  /** The position of its first sample in the epoch. */
  readonly position: number;
  /** Samples: fewer than the schedule says in a last batch that is not full. */
  readonly size: number;
}

/**
 * Where the global batches of a run are, if their size follows a schedule over global steps. An epoch takes all samples once; the
 * global steps of the next epoch count on.
 *
 * @remarks An epoch takes O(stages) once the schedule has reached its last stage, and O(epochs) before.
 */
export class BatchSizeStages {
  readonly #schedule: readonly BatchSizeStage[];
  readonly #dropLast: boolean;
  readonly #samples: number;
  /** The first global step of each epoch, as far as it is known. */
  readonly #starts = [0];

  /** @param schedule - Ascending, from step 0. */
  constructor(schedule: readonly BatchSizeStage[], samples: number, dropLast: boolean) {
    this.#schedule = schedule;
    this.#samples = samples;
    this.#dropLast = dropLast;
  }

  /** The global batches of an epoch. */
  stagesOf(epoch: number): EpochStage[] {
    const start = this.#startOf(epoch);
    const stages: EpochStage[] = [];
    let [step, position] = [0, 0];
    for (const [k, { step: first, batchSize }] of this.#schedule.entries()) {
      const end = this.#schedule[k + 1]?.step ?? Number.POSITIVE_INFINITY;
      if (end <= start + step || first > start + step) continue;
      const left = (this.#samples - position) / batchSize;
      const needed = this.#dropLast ? Math.floor(left) : Math.ceil(left);
      const steps = Math.min(end - start - step, needed);
      if (steps > 0) stages.push({ step, position, batchSize, steps });
      step += steps;
      position += steps * batchSize;
      // What is left is too little for a batch of this stage, which goes on.
      if (start + step < end) break;
    }
    return stages;
  }

  /** Global batches of an epoch. */
  lengthOf(epoch: number): number {
    const last = this.stagesOf(epoch).at(-1);
    return last ? last.step + last.steps : 0;
  }

  /** The first global step of an epoch. */
  #startOf(epoch: number): number {
    const starts = this.#starts;
    const lastStage = this.#schedule.at(-1)!;
    while (starts.length <= epoch) {
      const [known, start] = [starts.length - 1, starts.at(-1)!];
      const length = this.lengthOf(known);
      // From here on all epochs have the same number of steps.
      if (start >= lastStage.step) return start + (epoch - known) * length;
      // An epoch without a batch never reaches the next stage.
      if (length === 0) return start;
      starts.push(start + length);
    }
    return starts[epoch]!;
  }

  /** A global batch. @param step - Below the length of the epoch */
  batchAt(stages: readonly EpochStage[], step: number): BatchPlace {
    const stage = stages.findLast((candidate) => candidate.step <= step)!;
    const position = stage.position + (step - stage.step) * stage.batchSize;
    return { position, size: Math.min(stage.batchSize, this.#samples - position) };
  }

  /** The step that contains a position of an epoch; `undefined` if the position is in a batch that is dropped. */
  stepOf(stages: readonly EpochStage[], position: number): number | undefined {
    const stage = stages.findLast((candidate) => candidate.position <= position);
    if (!stage) return undefined;
    const within = Math.floor((position - stage.position) / stage.batchSize);
    return within < stage.steps ? stage.step + within : undefined;
  }
}
