import fc from 'fast-check';
import { BatchSampler, RandomSampler, type Sampler, SequentialSampler } from 'millrace';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';

const configuration = fc.record({
  length: fc.nat(60),
  batchSize: fc.integer({ min: 1, max: 9 }),
  dropLast: fc.boolean(),
});

describe('BatchSampler', () => {
  it('groups the indices in their order, and leaves out at most a short last batch', () => {
    fc.assert(
      fc.property(configuration, ({ length, batchSize, dropLast }) => {
        const sampler = new BatchSampler(new RandomSampler(length, { seed: 2 }), { batchSize, dropLast });
        const batches = [...sampler];
        const indices = [...new RandomSampler(length, { seed: 2 })];
        expect(batches).toHaveLength(sampler.length);
        expect(batches.flat()).toEqual(indices.slice(0, dropLast ? length - (length % batchSize) : length));
        for (const batch of batches.slice(0, -1)) expect(batch).toHaveLength(batchSize);
      }),
    );
  });

  it('seeks to a batch as if those before it had been drawn and dropped', () => {
    fc.assert(
      fc.property(configuration, fc.nat(), fc.nat(3), ({ length, ...options }, k, epoch) => {
        const make = () => new BatchSampler(new RandomSampler(length), options);
        const [sought, dropped] = [make(), make()];
        for (const sampler of [sought, dropped]) sampler.setEpoch!(epoch);
        const batch = k % (dropped.length + 1);
        sought.seek!(batch);
        expect([...sought]).toEqual([...dropped].slice(batch));
      }),
    );
  });

  it('continues from a state if its sampler has one', () => {
    const create = (seed: number) =>
      new BatchSampler(new RandomSampler(20, { generator: new TorchGenerator(seed) }), { batchSize: 3 });
    const original = create(1);
    const batches = original[Symbol.iterator]();
    for (let i = 0; i < 4; i++) batches.next();
    const restored = create(2);
    restored.loadStateDict!(original.stateDict!());
    expect([...restored]).toEqual([...batches]);
  });

  it('has only the capabilities of its sampler', () => {
    const plain: Sampler = { length: 3, [Symbol.iterator]: () => [4, 5, 6][Symbol.iterator]() };
    const sampler = new BatchSampler(plain, { batchSize: 2 });
    expect([...sampler]).toEqual([[4, 5], [6]]);
    const { seek, setEpoch, stateDict, loadStateDict } = sampler;
    expect([seek, setEpoch, stateDict, loadStateDict]).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('refuses invalid options and batches', () => {
    const sampler = new SequentialSampler(4);
    expect(() => new BatchSampler(sampler, { batchSize: 0 })).toThrow('batchSize');
    expect(
      () => new BatchSampler(sampler, { batchSize: 1, droplast: true } as { batchSize: number }),
    ).toThrow('dropLast');
    expect(() => new BatchSampler(sampler, { batchSize: 3 }).seek!(3)).toThrow('batch');
  });
});
