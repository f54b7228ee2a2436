import { batchBySeqlens, VariableBatchSampler } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';

describe('VariableBatchSampler', () => {
  const packing = batchBySeqlens([1, 2, 3, 4, 5], { maxTokens: 5 });

  it('seek(k) continues as if the first k steps had been drawn and dropped, once', () => {
    const sampler = new VariableBatchSampler(packing);
    const all = [...sampler];
    sampler.seek(2);
    expect([...sampler]).toEqual(all.slice(2));
    expect([...sampler]).toEqual(all);
  });

  it('has another fingerprint for another packing or rank', () => {
    const prints = [
      new VariableBatchSampler(packing),
      new VariableBatchSampler(packing, { worldSize: 2 }),
      new VariableBatchSampler(batchBySeqlens([1, 2, 3, 4, 5], { maxTokens: 9 })),
    ].map((sampler) => sampler.fingerprint());
    expect(new Set(prints).size).toBe(3);
    expect(new VariableBatchSampler(packing).fingerprint()).toBe(prints[0]);
  });

  it('refuses a rank outside the world', () => {
    expect(() => new VariableBatchSampler(packing, { rank: 2, worldSize: 2 })).toThrow(/rank: must be below/);
  });
});
