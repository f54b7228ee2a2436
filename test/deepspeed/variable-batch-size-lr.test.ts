import {
  type LrScalingMethod,
  type LrScheduler,
  type Optimizer,
  VariableBatchSizeLr,
} from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';
import { goldenCases } from './golden.js';

interface Case {
  kind: string;
  lr: number;
  base: 'none' | 'StepLR' | 'ExponentialLR';
  step_size?: number;
  gamma?: number;
  base_batch_size: number;
  batch_sizes: number[];
  method: LrScalingMethod;
  steps: number;
  lr_after_step: number[];
  base_last_lr: number[][];
  last_epoch: number;
}

/** PyTorch's StepLR (every `stepSize` steps) and ExponentialLR (`stepSize` 1): each step multiplies the rates by gamma. */
class DecayingLr implements LrScheduler {
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

describe('VariableBatchSizeLr', () => {
  it.each(goldenCases<Case>('variable_batch.json').filter(({ kind }) => kind === 'lr'))(
    'scales $base by $method as DeepSpeed',
    (golden) => {
      const optimizer = { paramGroups: [{ lr: golden.lr }] };
      const scheduler =
        golden.base === 'none' ? undefined : new DecayingLr(optimizer, golden.step_size ?? 1, golden.gamma!);
      const scaled = new VariableBatchSizeLr({
        optimizer,
        ...(scheduler && { scheduler }),
        baseBatchSize: golden.base_batch_size,
        batchSizes: golden.batch_sizes,
        method: golden.method,
      });
      const rates = [optimizer.paramGroups[0]!.lr];
      const unscaled = [[...scaled.getLastLr()]];
      for (let step = 0; step < golden.steps; step++) {
        scaled.step();
        rates.push(optimizer.paramGroups[0]!.lr);
        unscaled.push([...scaled.getLastLr()]);
      }
      expect(rates).toEqual(golden.lr_after_step);
      expect(unscaled).toEqual(golden.base_last_lr);
      expect(scaled.lastEpoch).toBe(golden.last_epoch);
    },
  );

  const make = (batchSizes = [4, 8, 3]) => {
    const optimizer = { paramGroups: [{ lr: 0.1 }] };
    const scheduler = new DecayingLr(optimizer, 2, 0.5);
    return {
      optimizer,
      scaled: new VariableBatchSizeLr({ optimizer, scheduler, baseBatchSize: 4, batchSizes }),
    };
  };

  it('goes on from a saved state', () => {
    const whole = make();
    for (let step = 0; step < 5; step++) whole.scaled.step();
    const resumed = make();
    resumed.scaled.loadStateDict(JSON.parse(JSON.stringify(whole.scaled.stateDict())));
    whole.scaled.step();
    resumed.scaled.step();
    expect(resumed.optimizer.paramGroups).toEqual(whole.optimizer.paramGroups);
  });

  it('catches up with the batches that a loader has delivered', () => {
    const whole = make();
    for (let step = 0; step < 7; step++) whole.scaled.step();
    const resumed = make();
    resumed.scaled.alignTo(7);
    expect(resumed.scaled.getLr()).toEqual(whole.scaled.getLr());
  });

  it('refuses the state of another packing, and an empty one', () => {
    const state = make().scaled.stateDict();
    expect(() => make([4, 8]).scaled.loadStateDict(state)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_STATE_MISMATCH', where: { field: 'batch_sizes' } }),
    );
    expect(() => make([])).toThrow(/batchSizes/);
  });
});
