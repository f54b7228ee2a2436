import { batchBySeqlens, VariableBatchSampler } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';
import { type BatchingArguments, goldenCases, optionsFrom } from './golden.js';

interface Case {
  kind: string;
  args: BatchingArguments;
  replicas: number;
  dataloader_batch_size: number;
  same_seqlen: boolean;
  ranks: [id: number, length: number][][][];
}

describe('VariableBatchSampler', () => {
  it.each(
    goldenCases<Case>('variable_batch.json')
      .filter(({ kind }) => kind === 'loader')
      .map((c, i) => [i, c] as const),
  )('deals micro-batches out over the ranks as DeepSpeed (case %d)', (_, golden) => {
    const { seqlens } = golden.args;
    const packing = batchBySeqlens(seqlens, { ...optionsFrom(golden.args), parity: true });
    for (let rank = 0; rank < golden.replicas; rank++) {
      const sampler = new VariableBatchSampler(packing, {
        rank,
        worldSize: golden.replicas,
        microBatchesPerStep: golden.dataloader_batch_size,
      });
      const steps = Array.from({ length: sampler.length }, (_, step) => sampler.stepAt(step));
      const lengthOf = ({ ids, paddedLengths }: (typeof steps)[number], k: number): number =>
        golden.same_seqlen ? paddedLengths[k]! : seqlens[ids[k]!]!;
      expect(steps.map((step) => step.ids.map((id, k) => [id, lengthOf(step, k)]))).toEqual(
        golden.ranks[rank],
      );
      expect([...sampler]).toEqual(steps.map(({ ids }) => ids));
    }
  });

  const packing = batchBySeqlens([1, 2, 3, 4, 5], { maxTokens: 5 });

  it('seek(k) goes on as if the first k steps had been drawn and dropped, once', () => {
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
