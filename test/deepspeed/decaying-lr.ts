import type { LrScheduler, Optimizer } from 'millrace/deepspeed';

/** PyTorch's StepLR (every `stepSize` steps) and ExponentialLR (`stepSize` 1): each step multiplies the rates by gamma. */
export class DecayingLr implements LrScheduler {
  #epoch = 0;
  readonly #optimizer: Optimizer;
  readonly #stepSize: number;
  readonly #gamma: number;
  readonly #initial: number[];
  #last: number[];

  constructor(optimizer: Optimizer, stepSize: number, gamma: number) {
    this.#optimizer = optimizer;
    this.#stepSize = stepSize;
    this.#gamma = gamma;
    this.#initial = optimizer.paramGroups.map(({ lr }) => lr);
    this.#last = [...this.#initial];
  }

  getLr(): number[] {
    const decays = this.#epoch > 0 && this.#epoch % this.#stepSize === 0;
    return this.#optimizer.paramGroups.map(({ lr }) => (decays ? lr * this.#gamma : lr));
  }

  getLastLr(): number[] {
    return this.#last;
  }

  step(epoch?: number): void {
    this.#epoch = epoch ?? this.#epoch + 1;
    const rates = epoch === undefined ? this.getLr() : this.#initial;
    for (const [i, group] of this.#optimizer.paramGroups.entries()) group.lr = rates[i]!;
    this.#last = [...rates];
  }

  stateDict() {
    return { epoch: this.#epoch, last: this.#last };
  }

  loadStateDict(state: { epoch: number; last: number[] }): void {
    this.#epoch = state.epoch;
    this.#last = [...state.last];
  }
}
