// The plan is the engine itself: what it says of a step is what iterating gives.
import fc from 'fast-check';
import type { DataLoader, Tensor } from 'millrace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRun } from '../../../dist/cli/plan/open-run.js';
import { RunOrder } from '../../../dist/cli/plan/run-order.js';
import { openConfig } from '../../../dist/config/index.js';
import { ConfigFolder } from '../../config/folder.js';

const module = new URL('../../fixtures/planned.js', import.meta.url).pathname;
const { default: makePlanned, samplerNames } = (await import(module)) as {
  default(launch: { rank: number; worldSize: number }): DataLoader<bigint>;
  samplerNames: string[];
};

interface Planned {
  readonly samples: number;
  readonly sampler: string;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly accumulation: number;
  readonly seed: number;
  readonly mayRead: boolean;
}

const global = globalThis as { planned?: Planned };

/** The batch of each rank in a global step, found by iterating its loader from the start. */
async function iterated(
  worldSize: number,
  accumulation: number,
  step: number,
): Promise<Record<string, number[]>> {
  const batches: Record<string, number[]> = {};
  for (let rank = 0; rank < worldSize; rank++) {
    const loader = makePlanned({ rank, worldSize });
    const perEpoch = Math.ceil(loader.length / accumulation);
    const epoch = Math.floor(step / perEpoch);
    for (let before = 0; before < epoch; before++) for await (const _ of loader);
    let micro = 0;
    for await (const batch of loader) {
      if (Math.floor(micro / accumulation) === step % perEpoch)
        batches[`rank ${rank}, micro-batch ${micro % accumulation}`] = Array.from(
          (batch as Tensor<'int64'>).data,
          Number,
        );
      micro += 1;
    }
  }
  return batches;
}

async function planned(worldSize: number, step: number): Promise<Record<string, number[]>> {
  const { opened, openForRank } = await openRun(module, { rank: 0, worldSize });
  const order = new RunOrder(opened, openForRank);
  const { batches } = await order.stepAt(step);
  await opened.close();
  return Object.fromEntries(
    batches.map(({ rank, microBatch, indices }) => [`rank ${rank}, micro-batch ${microBatch}`, [...indices]]),
  );
}

const runs = fc.record({
  samples: fc.integer({ min: 1, max: 60 }),
  sampler: fc.constantFrom(...samplerNames),
  batchSize: fc.integer({ min: 1, max: 12 }),
  dropLast: fc.boolean(),
  accumulation: fc.integer({ min: 1, max: 3 }),
  seed: fc.nat({ max: 1000 }),
});

describe('RunOrder', () => {
  it('equals iterating at any step, for any sampler, world size and accumulation, and reads no sample', async () => {
    await fc.assert(
      fc.asyncProperty(
        runs,
        fc.integer({ min: 1, max: 4 }),
        fc.nat({ max: 40 }),
        async (run, worldSize, step) => {
          global.planned = { ...run, mayRead: true };
          const loader = makePlanned({ rank: 0, worldSize });
          fc.pre(loader.length > 0);
          const expected = await iterated(worldSize, run.accumulation, step);
          global.planned = { ...run, mayRead: false };
          expect(await planned(worldSize, step)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('finds a sample exactly in the slots where stepAt has it', async () => {
    await fc.assert(
      fc.asyncProperty(runs, fc.integer({ min: 1, max: 3 }), fc.nat(), async (run, worldSize, any) => {
        global.planned = { ...run, mayRead: false };
        const { opened, openForRank } = await openRun(module, { rank: 0, worldSize });
        const order = new RunOrder(opened, openForRank);
        const steps = order.stepsPerEpoch + 2;
        const sample = any % run.samples;
        const expected: string[] = [];
        for (let step = 0; order.stepsPerEpoch > 0 && step < steps; step++) {
          for (const { rank, microBatch, indices } of (await order.stepAt(step)).batches)
            [...indices].forEach((index, slot) => {
              if (index === sample) expected.push([step, microBatch, rank, slot].join());
            });
        }
        const seen = order.stepsPerEpoch === 0 ? [] : await order.whenSeen(sample, steps);
        const found = seen.map(({ epoch, step, microBatch, rank, slot }) =>
          [epoch * order.stepsPerEpoch + step, microBatch, rank, slot].join(),
        );
        await opened.close();
        expect(found.sort()).toEqual(expected.sort());
      }),
      { numRuns: 100 },
    );
  });
});

describe('RunOrder of a DeepSpeed configuration', () => {
  let folder: ConfigFolder;
  beforeAll(() => {
    folder = new ConfigFolder();
  });
  afterAll(() => folder.remove());

  it('equals iterating the loader of each rank, with accumulation', async () => {
    const json = folder.json('ds.json', { train_batch_size: 12, train_micro_batch_size_per_gpu: 3 });
    const options = { samples: 50, rank: 0, worldSize: 2 };
    const { opened, openForRank } = await openRun(json, options);
    const order = new RunOrder(opened, openForRank);
    for (const step of [0, 3, 4, 9]) {
      const planned = await order.stepAt(step);
      for (const rank of [0, 1]) {
        const { loader, close } = await openConfig(json, { ...options, rank });
        const batches: unknown[] = [];
        for (let epoch = 0; epoch <= Math.floor(step / order.stepsPerEpoch); epoch++) {
          batches.length = 0;
          for await (const batch of loader) batches.push(batch);
        }
        await close();
        const at = (step % order.stepsPerEpoch) * 2;
        const own = planned.batches.filter((batch) => batch.rank === rank).map(({ indices }) => [...indices]);
        expect(own).toEqual(batches.slice(at, at + 2));
      }
    }
    await opened.close();
  });
});
