import { firstAbove } from '../core/first-above.js';
import { lastOf } from '../core/last-of.js';

/** From a global step on, global batches have this many samples. */
export interface BatchSizeStage {
  /** The first global step, from 0. */
  readonly step: number;
  /** Samples per global batch, over all ranks and micro-batches. */
  readonly batchSize: number;
}

/** From an epoch on, epochs have this many samples. */
export interface EpochSamples {
  readonly epoch: number;
  readonly samples: number;
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

/** Epochs with equally many steps that follow one another. */
interface Era {
  readonly epoch: number;
  /** The first global step of its first epoch. */
  readonly start: number;
  /** Steps per epoch. */
  readonly steps: number;
}

/**
 * Where the global batches of a run are, if their size follows a schedule over global steps. An epoch takes all its samples once;
 * the global steps of the next epoch count on.
 *
 * @remarks O(stages) for any epoch and any global step.
 */
export class BatchSizeStages {
  readonly #schedule: readonly BatchSizeStage[];
  readonly #dropLast: boolean;
  readonly #samples: readonly EpochSamples[];
  readonly #eras: Era[] = [];

  /**
   * @param schedule - Ascending, from step 0.
   * @param samples - Samples of every epoch; or of the epochs from some on, ascending from epoch 0.
   */
  constructor(
    schedule: readonly BatchSizeStage[],
    samples: number | readonly EpochSamples[],
    dropLast: boolean,
  ) {
    this.#schedule = schedule;
    this.#samples = typeof samples === 'number' ? [{ epoch: 0, samples }] : samples;
    this.#dropLast = dropLast;
    this.#findEras();
  }

  /** The global batches of an epoch. */
  stagesOf(epoch: number): EpochStage[] {
    return this.#stagesFrom(this.startOf(epoch), this.samplesOf(epoch));
  }

  /** Samples of an epoch. */
  samplesOf(epoch: number): number {
    return lastOf(this.#samples, (from) => from.epoch <= epoch).samples;
  }

  /** Global batches of an epoch. */
  lengthOf(epoch: number): number {
    return this.#eraOf(epoch).steps;
  }

  /** The first global step of an epoch. */
  startOf(epoch: number): number {
    const era = this.#eraOf(epoch);
    return era.start + (epoch - era.epoch) * era.steps;
  }

  /** The epoch of a global step, and its step in it; `undefined` if the epochs before it never have a batch again. */
  stepAt(globalStep: number): { readonly epoch: number; readonly step: number } | undefined {
    const starts = this.#eras.map(({ start }) => start);
    const era = this.#eras[firstAbove(starts, globalStep) - 1]!;
    if (era.steps === 0) return undefined;
    const epochs = Math.floor((globalStep - era.start) / era.steps);
    return { epoch: era.epoch + epochs, step: globalStep - era.start - epochs * era.steps };
  }

  /** A global batch. @param step - Below the length of the epoch */
  batchAt(epoch: number, stages: readonly EpochStage[], step: number): BatchPlace {
    const stage = lastOf(stages, (candidate) => candidate.step <= step);
    const position = stage.position + (step - stage.step) * stage.batchSize;
    return { position, size: Math.min(stage.batchSize, this.samplesOf(epoch) - position) };
  }

  /** The step that contains a position of an epoch; `undefined` if the position is in a batch that is dropped. */
  stepOf(stages: readonly EpochStage[], position: number): number | undefined {
    const stage = stages.findLast((candidate) => candidate.position <= position);
    if (!stage) return undefined;
    const within = Math.floor((position - stage.position) / stage.batchSize);
    return within < stage.steps ? stage.step + within : undefined;
  }

  #eraOf(epoch: number): Era {
    return lastOf(this.#eras, (era) => era.epoch <= epoch);
  }

  /** The global batches of an epoch of `samples` samples that begins at a global step. */
  #stagesFrom(start: number, samples: number): EpochStage[] {
    const stages: EpochStage[] = [];
    let [step, position] = [0, 0];
    for (const [k, { step: first, batchSize }] of this.#schedule.entries()) {
      const end = this.#endOf(k);
      if (end <= start + step || first > start + step) continue;
      const steps = Math.min(end - start - step, this.#stepsFor(samples - position, batchSize));
      if (steps > 0) stages.push({ step, position, batchSize, steps });
      step += steps;
      position += steps * batchSize;
      // What is left is too little for a batch of this stage, which continues.
      if (start + step < end) break;
    }
    return stages;
  }

  #stepsFor(samples: number, batchSize: number): number {
    return this.#dropLast ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize);
  }

  /** The global step at which a stage of the schedule ends. */
  #endOf(stage: number): number {
    return this.#schedule[stage + 1]?.step ?? Number.POSITIVE_INFINITY;
  }

  /** Finds where epochs begin to differ in length: where the batch size changes within one, or their samples do. */
  #findEras(): void {
    let [epoch, start] = [0, 0];
    for (;;) {
      const stage = this.#schedule.findLastIndex(({ step }) => step <= start);
      const end = this.#endOf(stage);
      const kind = this.#samples.findLastIndex((from) => from.epoch <= epoch);
      const nextKind = this.#samples[kind + 1]?.epoch ?? Number.POSITIVE_INFINITY;
      const { samples } = this.#samples[kind]!;
      const { batchSize } = this.#schedule[stage]!;
      const whole = this.#stepsFor(samples, batchSize);
      // An epoch with samples left at the end of a stage continues in the next one.
      const room = whole * batchSize < samples ? end - start - 1 : end - start;
      const fitting = whole === 0 ? Number.POSITIVE_INFINITY : Math.floor(room / whole);
      const last = this.#stagesFrom(start, samples).at(-1);
      const [steps, epochs] = fitting > 0 ? [whole, fitting] : [last ? last.step + last.steps : 0, 1];
      this.#eras.push({ epoch, start, steps });
      const next = Math.min(epoch + epochs, nextKind);
      if (next === Number.POSITIVE_INFINITY) return;
      start += (next - epoch) * steps;
      epoch = next;
    }
  }
}
