// The rules by which DeepSpeed's engines handle loaders, against vectors of the engines' own methods.
import { ArrayDataset, type Tensor, tensor } from 'millrace';
import { Collectives, EngineData, torchCollate } from 'millrace/deepspeed';
import { CapabilityError, ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { isEqualInput } from '../../dist/deepspeed/equal-inputs.js';
import { recorded } from './originals.js';

interface Sizes {
  readonly world: number;
  readonly before: readonly [train: number, micro: number, steps: number];
  readonly call: 'train' | 'micro';
  readonly size: number;
  readonly after?: readonly [number, number, number];
  readonly error?: string;
}

interface Pipeline {
  readonly stage: number;
  readonly stages: number;
  readonly rank: number;
  readonly world: number;
  readonly samples: number;
  readonly micro: number;
  readonly batches: readonly (readonly number[] | null)[];
  /** The next batch after `set_batch_fn` with a function that multiplies by 10. */
  readonly mapped: readonly number[] | null;
  /** Two batches after `set_dataiterator`. */
  readonly own: readonly (readonly number[] | null)[];
  readonly keepsLoader: boolean;
}

type Shown = number | string | { readonly tensor: readonly string[]; readonly dtype: 'int64' | 'float32' };

const samples = (count: number) => new ArrayDataset(Array.from({ length: count }, (_, k) => BigInt(k)));
const shown = (batch: Tensor | undefined): number[] | null =>
  batch ? Array.from(batch.data as Int32Array, Number) : null;
const sizesOf = (engine: EngineData<bigint, Tensor>) => [
  engine.trainBatchSize,
  engine.trainMicroBatchSizePerGpu,
  engine.gradientAccumulationSteps,
];

function engineOf(
  golden: Pick<Pipeline, 'samples' | 'micro' | 'world' | 'stage' | 'stages' | 'rank'>,
  options = {},
) {
  return new EngineData<bigint, Tensor>(
    { train_micro_batch_size_per_gpu: golden.micro },
    samples(golden.samples),
    {
      pipelineStage: {
        stage: golden.stage,
        stages: golden.stages,
        dataParallelRank: golden.rank,
        dataParallelWorldSize: golden.world,
      },
      numLocalIoWorkers: 0,
      collateFn: torchCollate() as never,
      ...options,
    },
  );
}

describe('EngineData', () => {
  it.each(recorded<Sizes>('engine-sizes.json'))(
    'changes the batch sizes as the engine, case %#',
    async (golden) => {
      const [train, micro, steps] = golden.before;
      const json = {
        train_batch_size: train,
        train_micro_batch_size_per_gpu: micro,
        gradient_accumulation_steps: steps,
      };
      const engine = new EngineData<bigint, Tensor>(json, samples(40), {
        worldSize: golden.world,
        rank: 0,
        numLocalIoWorkers: 0,
      });
      const change = () => {
        if (golden.call === 'train') engine.setTrainBatchSize(golden.size);
        else engine.setTrainMicroBatchSize(golden.size);
      };
      if (golden.error) {
        expect(change).toThrow(ConfigError);
        expect(sizesOf(engine)).toEqual(golden.before);
      } else {
        change();
        expect(sizesOf(engine)).toEqual(golden.after);
      }
    },
  );

  it.each(recorded<Pipeline>('pipeline-batches.json'))(
    'gives a stage of a pipeline its batches, case %#',
    async (golden) => {
      const engine = engineOf(golden);
      for (const batch of golden.batches) expect(shown(await engine.nextBatch())).toEqual(batch);
      engine.setBatchFn((batch) => ({
        ...batch,
        data: (batch.data as BigInt64Array).map((value) => value * 10n),
      }));
      expect(shown(await engine.nextBatch())).toEqual(golden.mapped);
      engine.setBatchFn((batch) => batch);
      engine.setDataiterator([tensor(Int32Array.of(50)), tensor(Int32Array.of(60))][Symbol.iterator]());
      for (const batch of golden.own) expect(shown(await engine.nextBatch())).toEqual(batch);
      if (golden.own[0] !== null) await expect(engine.nextBatch()).rejects.toThrow(/iterator: has ended/);
      // DeepSpeed's stages without data keep the loader that the base engine made for them.
      expect(engine.trainingDataloader).toBeUndefined();
    },
  );

  it('has no loader on the stages between, which do not call the batch function', async () => {
    const golden = { stage: 1, stages: 3, rank: 0, world: 1, samples: 6, micro: 2 };
    const calls: unknown[] = [];
    for (const parity of [false, true]) {
      const engine = engineOf(golden, { parity });
      engine.setBatchFn((batch) => {
        calls.push(batch);
        return batch;
      });
      expect([engine.trainingDataloader, await engine.nextBatch()]).toEqual([undefined, undefined]);
    }
    expect(calls).toEqual([undefined]);
  });

  it('changes micro-batches in mid-run: every sample once an epoch, in its order, with workers too', async () => {
    for (const numLocalIoWorkers of [0, 2]) {
      const json = { train_micro_batch_size_per_gpu: 4, gradient_accumulation_steps: 2 };
      const open = () =>
        new EngineData<bigint, Tensor>(json, samples(40), {
          localRank: 0,
          rank: 0,
          worldSize: 1,
          numLocalIoWorkers,
        });
      const plain = open();
      const order: number[] = [];
      for (let k = 0; k < 20; k++) order.push(...shown(await plain.nextBatch())!);
      const engine = open();
      const found: number[][] = [];
      const take = async () => {
        for await (const batch of engine.microBatches()) found.push(shown(batch)!);
      };
      await take();
      engine.setTrainMicroBatchSize(6);
      await take();
      engine.setTrainBatchSize(18);
      await take();
      const state = JSON.parse(JSON.stringify(engine.stateDict()));
      const after = open();
      after.loadStateDict(state);
      expect(sizesOf(after)).toEqual([18, 6, 3]);
      await take();
      expect(found.map(({ length }) => length)).toEqual([4, 4, 6, 6, 6, 6, 6, 2, 6, 6]);
      expect(found.flat()).toEqual(order.slice(0, found.flat().length));
      const resumed: number[][] = [];
      for await (const batch of after.microBatches()) resumed.push(shown(batch)!);
      expect(resumed).toEqual(found.slice(7));
      await Promise.all([plain.close(), engine.close(), after.close()]);
    }
  });

  it('keeps the size of the loader with parity, as DeepSpeed', async () => {
    const json = { train_micro_batch_size_per_gpu: 4 };
    const engine = new EngineData<bigint, Tensor>(json, samples(40), {
      worldSize: 1,
      numLocalIoWorkers: 0,
      parity: true,
    });
    engine.setTrainMicroBatchSize(6);
    expect([engine.trainBatchSize, shown(await engine.nextBatch())!.length]).toEqual([6, 4]);
  });

  it('counts the steps of a curriculum by sequence length by the micro-batches in force', async () => {
    const json = {
      train_micro_batch_size_per_gpu: 1,
      gradient_accumulation_steps: 2,
      curriculum_learning: {
        enabled: true,
        curriculum_type: 'seqlen',
        min_difficulty: 8,
        max_difficulty: 64,
        schedule_type: 'fixed_discrete',
        schedule_config: { difficulty: [8, 16, 24, 64], max_step: [1, 2, 3] },
      },
    };
    const dataset = new ArrayDataset(Array.from({ length: 20 }, () => ({ ids: new Int32Array(64) })));
    const engine = new EngineData<{ ids: Int32Array }, { ids: Tensor }>(json, dataset, {
      numLocalIoWorkers: 0,
      worldSize: 1,
    });
    const widths: number[] = [];
    for (const steps of [2, 3, 1, 1]) {
      engine.setTrainBatchSize(steps);
      for await (const batch of engine.microBatches()) widths.push(batch!.ids.shape[1]!);
    }
    expect(widths).toEqual([8, 8, 16, 16, 16, 24, 64]);
  });
});

describe('the check of a tensor-parallel group', () => {
  it.each(recorded<{ a: object; b: object; equal: boolean }>('equal-inputs.json'))(
    'compares as DeepSpeed, case %#',
    ({ a, b, equal }) => {
      const plain = (value: Shown): unknown => {
        if (typeof value !== 'object') return value === 'nan' ? Number.NaN : value;
        return value.dtype === 'int64'
          ? tensor(BigInt64Array.from(value.tensor.map(BigInt)))
          : tensor(Float32Array.from(value.tensor.map(Number)));
      };
      const made = (side: object): unknown =>
        Array.isArray(side)
          ? side.map(plain)
          : Object.fromEntries(Object.entries(side).map(([name, value]) => [name, plain(value as Shown)]));
      expect(isEqualInput(made(a), made(b))).toBe(equal);
    },
  );

  it('fails on every rank if one reads other samples, and looks at the first batch only', async () => {
    const open = (shift: number[]) =>
      Collectives.inProcess(2).map(
        (tensorParallelGroup, rank) =>
          new EngineData<bigint, Tensor>(
            { train_micro_batch_size_per_gpu: 2, tensor_parallel: { autotp_size: 2 } },
            new ArrayDataset(Array.from({ length: 8 }, (_, k) => BigInt(k + shift[rank]!))),
            { tensorParallelGroup, worldSize: 2, rank, localRank: rank, numLocalIoWorkers: 0 },
          ),
      );
    const same = open([0, 0]);
    const firsts = await Promise.all(same.map((engine) => engine.nextBatch()));
    expect(shown(firsts[0])).toEqual(shown(firsts[1]));
    await same[0]!.nextBatch();
    const failures = await Promise.allSettled(open([0, 1]).map((engine) => engine.nextBatch()));
    for (const { reason } of failures as PromiseRejectedResult[]) {
      expect(reason).toBeInstanceOf(CapabilityError);
      expect(reason.message).toMatch(/Ranks 1 of the tensor-parallel group have another batch than rank 0/);
    }
  });
});
