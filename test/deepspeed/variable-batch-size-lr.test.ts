import { VariableBatchSizeLr } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';
import { DecayingLr } from './decaying-lr.js';

describe('VariableBatchSizeLr', () => {
  const make = (batchSizes = [4, 8, 3]) => {
    const optimizer = { paramGroups: [{ lr: 0.1 }] };
    const scheduler = new DecayingLr(optimizer, 2, 0.5);
    return {
      optimizer,
      scaled: new VariableBatchSizeLr({ optimizer, scheduler, baseBatchSize: 4, batchSizes }),
    };
  };

  it('continues from a saved state', () => {
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
