import { lastOf } from '../../core/last-of.js';
/** A step of an epoch. */
export interface EpochStep {
  readonly epoch: number;
  readonly step: number;
}

/** Where the epochs of a run are in its global steps. */
export class EpochSteps {
  readonly #lengthOf: (epoch: number) => number;
  /** The first global step of each epoch, as far as it is known; none if all epochs have one length. */
  readonly #starts: number[] | undefined;

  /** @param varies - Whether epochs differ in length. */
  constructor(lengthOf: (epoch: number) => number, varies: boolean) {
    this.#lengthOf = lengthOf;
    this.#starts = varies ? [0] : undefined;
  }

  /** Whether epochs differ in length. */
  get varies(): boolean {
    return this.#starts !== undefined;
  }

  /** Steps of an epoch. */
  lengthOf(epoch: number): number {
    return this.#lengthOf(epoch);
  }

  /** The first global step of an epoch. */
  startOf(epoch: number): number {
    const starts = this.#starts;
    if (!starts) return epoch * this.#lengthOf(0);
    while (starts.length <= epoch) starts.push(lastOf(starts) + this.#lengthOf(starts.length - 1));
    return starts[epoch]!;
  }

  /** The step of an epoch that a global step is. Epochs without steps are all the first. */
  stepAt(globalStep: number): EpochStep {
    const length = this.#lengthOf(0);
    if (length === 0) return { epoch: 0, step: globalStep };
    let epoch = this.varies ? 0 : Math.floor(globalStep / length);
    while (this.startOf(epoch + 1) <= globalStep) epoch += 1;
    return { epoch, step: globalStep - this.startOf(epoch) };
  }

  /** Epochs that the first global steps fill, the last one in part. */
  epochsIn(steps: number): number {
    const { epoch, step } = this.stepAt(steps);
    return epoch + step / Math.max(1, this.#lengthOf(epoch));
  }
}
