import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { ArrayDataset, DataLoader, type Sampler, type Tensor } from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { CapabilityError, ConfigError, StateMismatchError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { type Receipt, verifyReceipt } from 'millrace/receipts';
import { describe, expect, it } from 'vitest';

const numbers = (length: number) => Array.from({ length }, (_, i) => i);

const configuration = fc.record({
  length: fc.integer({ min: 1, max: 60 }),
  batchSize: fc.integer({ min: 1, max: 9 }),
  dropLast: fc.boolean(),
  shuffle: fc.boolean(),
  seed: fc.nat(1000),
});
const layouts = fc.record({
  worldSize: fc.integer({ min: 1, max: 4 }),
  gradientAccumulationSteps: fc.integer({ min: 1, max: 3 }),
});

function make({ length, ...options }: { length: number; [option: string]: unknown }): DataLoader<number> {
  return new DataLoader<number>(new ArrayDataset(numbers(length)), options as object);
}

/** The loader that wrote the recorded state and receipt. */
const recorded = { length: 12, batchSize: 4, shuffle: true, seed: 7, gradientAccumulationSteps: 2 };

function fixture(name: string) {
  return JSON.parse(readFileSync(new URL(`../fixtures/earlier-versions/${name}`, import.meta.url), 'utf8'));
}

async function take(loader: DataLoader<number>, count: number): Promise<void> {
  for (let taken = 0; taken < count; ) {
    for await (const _ of loader) if (++taken === count) break;
  }
}

const verified = (loader: DataLoader<number>, receipt: Receipt) =>
  verifyReceipt(loader, JSON.parse(JSON.stringify(receipt)));

describe('the receipt of a loader', () => {
  it('is recomputed from the order alone, over epochs, seeks, and other ranks after a resume', async () => {
    await fc.assert(
      fc.asyncProperty(configuration, layouts, layouts, fc.nat(), async (drawn, before, after, pick) => {
        const parts = [before, after].map((layout) => layout.worldSize * layout.gradientAccumulationSteps);
        const options = { ...drawn, batchSize: Math.max(drawn.batchSize, ...parts) };
        const perEpoch = make({ ...options, ...before }).length;
        fc.pre(perEpoch > 0);
        const first = make({ ...options, ...before, rank: pick % before.worldSize });
        await take(first, 1 + (pick % (2 * perEpoch)));
        first.seek({ epoch: 1, step: 0 });
        await take(first, before.gradientAccumulationSteps);
        expect(verified(make(options), first.receipt()).difference).toBeUndefined();

        const second = make({ ...options, ...after, rank: pick % after.worldSize });
        const state = JSON.parse(JSON.stringify(first.stateDict()));
        expect(JSON.stringify(state).length).toBeLessThan(4096);
        second.loadStateDict(state);
        await take(second, 3 * second.length);
        const receipt = second.receipt();
        expect(receipt.base?.batches).toBe(first.receipt().batches);
        const result = verified(make(options), receipt);
        expect(result).toEqual({ batches: 3 * second.length, digest: receipt.digest, difference: undefined });
      }),
      { numRuns: 60 },
    );
  });

  it('has this digest in every version that writes receipts of this order', async () => {
    const loader = make({
      length: 2000,
      batchSize: 4,
      shuffle: true,
      seed: 7,
      gradientAccumulationSteps: 2,
      rank: 1,
      worldSize: 2,
    });
    // More than two blocks, and part of a third.
    await take(loader, 701);
    const { batches, digest } = loader.receipt();
    expect(batches).toBe(701);
    expect(digest).toBe('1a082829e86b99007ff149be5b88c6a752a16da321532ed8e6a032983db28bfb');
  });

  it('is read if version 1 wrote it, which counted batches as `steps`', () => {
    const receipt = fixture('receipt-1.json');
    const loader = make(recorded);
    const { digest, segments } = receipt;
    expect(verifyReceipt(loader, receipt)).toEqual({ batches: 3, digest, difference: undefined });
    const moved = { ...receipt, segments: [{ ...segments[0], batch: 0 }] };
    expect(verifyReceipt(loader, moved).difference).toBeDefined();
    expect(() => verifyReceipt(loader, { ...receipt, segments: [null] })).toThrow(ConfigError);
  });

  it('continues from a state of version 2, which called the step `batch`', async () => {
    const loader = make(recorded);
    loader.loadStateDict(fixture('state-2.json'));
    expect(loader.stateDict()).toMatchObject({ version: 3, epoch: 0, step: 1, microBatch: 1 });
    const batches: number[][] = [];
    for await (const batch of loader) batches.push([...(batch as Tensor).data].map(Number));
    expect(batches).toEqual([
      [8, 11],
      [0, 9],
      [3, 4],
    ]);
    expect(loader.receipt().digest).toBe(fixture('receipt-1.json').digest);
  });

  it('is the same after a resume as without, whatever the workers', async () => {
    const options = { length: 100, batchSize: 3, shuffle: true, rank: 1, worldSize: 2 };
    const whole = make(options);
    await take(whole, 50);
    for (const numWorkers of [0, 2]) {
      const first = make({ ...options, numWorkers, ...(numWorkers > 0 && { inOrder: false }) });
      await take(first, 34);
      const second = make({ ...options, numWorkers });
      second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
      await take(second, 16);
      if (numWorkers === 0) expect(second.receipt().digest).toBe(whole.receipt().digest);
      expect(verified(make(options), second.receipt()).difference).toBeUndefined();
      await Promise.all([first.close(), second.close()]);
    }
    const other = make({ ...options, seed: 1 });
    await take(other, 50);
    expect(other.receipt().digest).not.toBe(whole.receipt().digest);
  });

  it('is in order where batches were delivered out of it', async () => {
    const slow = new URL('../fixtures/stuck.js', import.meta.url);
    const loader = new DataLoader<number>(slow, { batchSize: 2, numWorkers: 2, inOrder: false });
    let taken = 0;
    for await (const _ of loader) if (++taken === 3) break;
    // The first batch is missing, so that none is in the chain yet; the state has the others.
    expect(loader.receipt().batches).toBe(0);
    expect(loader.stateDict().receipt?.ahead).toHaveLength(3);
    const resumed = new DataLoader<number>(slow, { batchSize: 2 });
    await resumed.ready();
    resumed.loadStateDict(JSON.parse(JSON.stringify(loader.stateDict())));
    await loader.close();
    resumed.seek({ epoch: 0, step: 1 });
    await take(resumed as never, 2);
    expect(verifyReceipt(resumed, resumed.receipt()).difference).toBeUndefined();
  });

  it('names the first batch that differs', async () => {
    const samples = 80;
    let swapped: number | undefined;
    class Swapping implements Sampler {
      readonly length = samples;
      fingerprint = () => 'swapping';
      *[Symbol.iterator](): Generator<number> {
        for (let i = 0; i < samples; i++) yield i === swapped ? i + 1 : i === (swapped ?? -2) + 1 ? i - 1 : i;
      }
    }
    const load = (options: object = {}) =>
      new DataLoader(new ArrayDataset(numbers(samples)), {
        batchSize: 4,
        sampler: new Swapping(),
        ...options,
      });
    for (const gradientAccumulationSteps of [1, 2]) {
      swapped = undefined;
      const loader = load({ gradientAccumulationSteps });
      await take(loader, loader.length);
      swapped = 42;
      const result = verified(load(), loader.receipt());
      const microBatch = gradientAccumulationSteps === 1 ? 0 : 1;
      expect(result.difference).toEqual({
        batch: 10 * gradientAccumulationSteps + microBatch,
        epoch: 0,
        step: 10,
        microBatch,
        rank: 0,
        isLatest: false,
      });
      swapped = undefined;
      const forged = { ...loader.receipt(), digest: '0'.repeat(64) };
      expect(verified(load(), forged).difference).toBeDefined();
    }
  });

  it('refuses a value that is not a receipt, belongs to another loader, or cannot be computed', async () => {
    const loader = make({ length: 10, batchSize: 2 });
    await take(loader, 2);
    const receipt = loader.receipt();
    expect(() => verified(loader, {} as never)).toThrow(ConfigError);
    expect(() => verified(make({ length: 11, batchSize: 2 }), receipt)).toThrow(StateMismatchError);
    expect(() => verified(make({ length: 10, batchSize: 5 }), receipt)).toThrow(
      /its batchSize is 2, this one has 5/,
    );
    const drawing = () => make({ length: 10, batchSize: 2, shuffle: true, generator: new TorchGenerator(1) });
    const drawn = drawing();
    await take(drawn, 7);
    expect(verified(drawing(), drawn.receipt()).difference).toBeUndefined();
    drawn.loadStateDict(drawn.stateDict());
    await take(drawn, 1);
    expect(() => verified(drawing(), drawn.receipt())).toThrow(CapabilityError);
  });

  it('gives the order of any rank without reading a sample', async () => {
    const dataset = {
      length: 64,
      get(): number {
        throw new Error('was read');
      },
    };
    const schedule = { type: 'linear', totalSteps: 4, difficultyStep: 1 } as const;
    const metric = { index: numbers(64), minDifficulty: 16, maxDifficulty: 63 };
    const sampler = () =>
      new CurriculumSampler(dataset, {
        batchSize: 8,
        metrics: { rank: { ...metric, schedule } },
      });
    const loader = new DataLoader(dataset, { batchSize: 8, sampler: sampler() });
    const whole = [...loader.order({ epoch: 1, step: 2 })];
    expect(whole).toHaveLength(6);
    const layout = { worldSize: 2, gradientAccumulationSteps: 2 };
    const parts = [0, 1].map((rank) => [...loader.order({ epoch: 1, step: 2 }, { ...layout, rank })]);
    for (const [k, { epoch, step, indices }] of whole.entries()) {
      expect([epoch, step]).toEqual([1, 2 + k]);
      const rebuilt = [0, 1].flatMap((micro) => parts.flatMap((part) => [...part[2 * k + micro]!.indices]));
      expect(rebuilt).toEqual([...indices]);
    }
  });
});
