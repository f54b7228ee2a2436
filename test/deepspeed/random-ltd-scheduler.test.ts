import { type RandomLtdConfig, RandomLtdScheduler } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';
import { goldenCases } from './golden.js';

interface Case {
  config: RandomLtdConfig;
  steps: [number, number];
  train_iters: number;
  initial: number;
  seq: number[];
  consumed: number[];
  state_dict: Record<string, number>;
  total: number;
  error?: object;
}

const cases = goldenCases<Case>('random_ltd.json');

describe('RandomLtdScheduler', () => {
  it.each(cases.filter(({ error }) => !error).map((c, i) => [i, c] as const))(
    'follows DeepSpeed step by step with parity (case %d)',
    (_, golden) => {
      const scheduler = new RandomLtdScheduler(golden.config, { parity: true });
      expect(scheduler.getCurrentSeq()).toBe(golden.initial);
      const [first, last] = golden.steps;
      for (let step = first; step <= last; step++) {
        expect(scheduler.updateSeq(step)).toBe(golden.seq[step - first]);
        expect(scheduler.consumedLayerTokens).toBe(golden.consumed[step - first]);
      }
      expect(scheduler.stateDict()).toEqual(golden.state_dict);
      const fresh = new RandomLtdScheduler(golden.config, { parity: true });
      expect(fresh.getTotalLayerTokens(golden.train_iters)).toBe(golden.total);
    },
  );

  it.each(cases.filter(({ error }) => error).map(({ config }) => config))(
    'refuses what DeepSpeed refuses: %j',
    (config) => {
      expect(() => new RandomLtdScheduler(config)).toThrow(
        expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG' }),
      );
    },
  );

  const config = {
    total_layer_num: 6,
    random_ltd_layer_num: 4,
    global_batch_size: 4,
    random_ltd_schedule: {
      min_value: 20,
      max_value: 70,
      schedule_type: 'fixed_linear',
      schedule_config: { require_steps: 7, seq_per_step: 3 },
    },
  } as const;

  it('never goes below min_value and reaches max_value at require_steps', () => {
    const scheduler = new RandomLtdScheduler(config);
    const lengths = Array.from({ length: 9 }, (_, step) => scheduler.updateSeq(step));
    expect(lengths).toEqual([20, 27, 33, 39, 48, 54, 60, 70, 70]);
  });

  it('counts the micro-steps of one global step once', () => {
    const scheduler = new RandomLtdScheduler(config);
    scheduler.updateSeq(0);
    const once = scheduler.consumedLayerTokens;
    scheduler.updateSeq(0);
    expect(scheduler.consumedLayerTokens).toBe(once);
  });

  it('counts ahead without moving, except with parity', () => {
    const scheduler = new RandomLtdScheduler(config);
    scheduler.getTotalLayerTokens(5);
    expect(scheduler.stateDict().current_steps).toBe(-1);
  });

  it('goes on from a saved state, and refuses one with a missing key', () => {
    const scheduler = new RandomLtdScheduler(config);
    for (let step = 0; step < 4; step++) scheduler.updateSeq(step);
    const resumed = new RandomLtdScheduler(config);
    resumed.loadStateDict(JSON.parse(JSON.stringify(scheduler.stateDict())));
    expect(resumed.updateSeq(4)).toBe(scheduler.updateSeq(4));
    expect(resumed.stateDict()).toEqual(scheduler.stateDict());
    expect(() => resumed.loadStateDict({ current_steps: 3 })).toThrow(/consumed_layer_tokens/);
  });
});
