import { RandomLtdScheduler } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';

describe('RandomLtdScheduler', () => {
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

  it('continues from a saved state, and refuses one with a missing key', () => {
    const scheduler = new RandomLtdScheduler(config);
    for (let step = 0; step < 4; step++) scheduler.updateSeq(step);
    const resumed = new RandomLtdScheduler(config);
    resumed.loadStateDict(JSON.parse(JSON.stringify(scheduler.stateDict())));
    expect(resumed.updateSeq(4)).toBe(scheduler.updateSeq(4));
    expect(resumed.stateDict()).toEqual(scheduler.stateDict());
    expect(() => resumed.loadStateDict({ current_steps: 3 })).toThrow(/consumed_layer_tokens/);
  });

  it('counts past 2^53 exactly, and says so in a state that is JSON', () => {
    const large = { ...config, global_batch_size: 2 ** 50 };
    const scheduler = new RandomLtdScheduler(large);
    scheduler.updateSeq(0);
    const perSample = BigInt(20 * 4 + 70 * 2);
    expect(scheduler.consumedLayerTokens).toBe(2n ** 50n * perSample);
    const resumed = new RandomLtdScheduler(large);
    resumed.loadStateDict(JSON.parse(JSON.stringify(scheduler.stateDict())));
    expect(resumed.consumedLayerTokens).toBe(scheduler.consumedLayerTokens);
  });

  it('refuses limits that contradict one another; with parity it takes them, as DeepSpeed does', () => {
    const upsideDown = {
      ...config,
      random_ltd_schedule: { ...config.random_ltd_schedule, min_value: 90 },
    };
    expect(() => new RandomLtdScheduler(upsideDown)).toThrow(/min_value: is 90, above max_value 70/);
    expect(new RandomLtdScheduler(upsideDown, { parity: true }).updateSeq(3)).toBe(90);
  });
});
