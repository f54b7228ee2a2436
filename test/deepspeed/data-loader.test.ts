import { ArrayDataset, type Dataset, RepeatingLoader, type Tensor, tensor } from 'millrace';
import { CpuAccelerator, setAccelerator } from 'millrace/accelerator';
import { DeepSpeedDataLoader } from 'millrace/deepspeed';
import { defaultGenerator, manualSeed } from 'millrace/random';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DeepSpeedDataLoaderOptions } from '../../dist/deepspeed/data-loader-options.js';
import { goldenFolder } from './golden.js';

type Batch = Tensor;

const numbers = (n: number) => new ArrayDataset(Array.from({ length: n }, (_, i) => i));
const values = (batch: unknown): number[] => Array.from((batch as Tensor).data as Float32Array);

async function collect(from: AsyncIterable<unknown>, limit = Number.POSITIVE_INFINITY): Promise<number[][]> {
  const batches: number[][] = [];
  if (limit === 0) return batches;
  for await (const batch of from) {
    batches.push(values(batch));
    if (batches.length === limit) break;
  }
  return batches;
}

const throughJson = <S>(state: S): S => JSON.parse(JSON.stringify(state)) as S;

const index = `${goldenFolder}dataloader_files/seqlen/seqlen_index_to`;
const curriculum = {
  curriculum_learning: true,
  data_efficiency: {
    enabled: true,
    seed: 5,
    data_sampling: {
      enabled: true,
      num_epochs: 2,
      curriculum_learning: {
        enabled: true,
        curriculum_metrics: {
          seqlen: {
            index_to_sample_path: `${index}_sample`,
            index_to_metric_path: `${index}_metric`,
            difficulty_type: 'value',
            clustering_type: 'schedule_based',
            min_difficulty: 2,
            max_difficulty: 12,
            schedule_type: 'fixed_linear',
            schedule_config: { total_curriculum_step: 10, difficulty_step: 2 },
          },
        },
      },
    },
  },
} as const;

function curriculumLoader(
  numWorkers: number,
  more: Partial<DeepSpeedDataLoaderOptions<number, number, Batch>> = {},
) {
  return new DeepSpeedDataLoader<number, number, Batch>(numbers(60), {
    batchSize: 4,
    localRank: 0,
    deepspeedDataloaderConfig: { ...curriculum, num_workers: numWorkers },
    ...more,
  });
}

afterEach(() => setAccelerator(new CpuAccelerator()));

describe('DeepSpeedDataLoader', () => {
  it('gives another order each epoch of a distributed run, the first one that of PyTorch', async () => {
    await using loader = new DeepSpeedDataLoader(numbers(10), {
      batchSize: 2,
      localRank: 0,
      numLocalIoWorkers: 0,
      dataParallelWorldSize: 2,
      dataParallelRank: 0,
    });
    const [first, second] = [await collect(loader), await collect(loader)];
    expect(first).toEqual([[4, 7], [3, 0], [6]]);
    expect(second).not.toEqual(first);
    loader.setEpoch(0);
    expect(await collect(loader)).toEqual(first);
  });

  it('advances the epoch inside a RepeatingLoader once a pass', async () => {
    const options = { batchSize: 5, localRank: 0, numLocalIoWorkers: 0 } as const;
    await using loader = new DeepSpeedDataLoader(numbers(10), options);
    await using other = new DeepSpeedDataLoader(numbers(10), options);
    const twoEpochs = [...(await collect(loader)), ...(await collect(loader))];
    expect(await collect(new RepeatingLoader(other), 4)).toEqual(twoEpochs);
  });

  it('gives the same batches whatever the number of workers, and takes an assigned number at the next iteration', async () => {
    const pass = async (workers: number): Promise<number[][]> => {
      manualSeed(3);
      await using loader = new DeepSpeedDataLoader(numbers(23), {
        batchSize: 4,
        localRank: -1,
        numLocalIoWorkers: 0,
      });
      loader.numLocalIoWorkers = workers;
      expect(loader.numLocalIoWorkers).toBe(workers);
      return await collect(loader);
    };
    expect(await pass(2)).toEqual(await pass(0));
  });

  it('begins the next epoch after a loop that was left, also when the number of workers has changed', async () => {
    const left = async (workersAfter: number): Promise<number[][]> => {
      await using loader = new DeepSpeedDataLoader(numbers(9), {
        batchSize: 2,
        localRank: 0,
        numLocalIoWorkers: 0,
      });
      await collect(loader, 2);
      loader.numLocalIoWorkers = workersAfter;
      return [...(await collect(loader)), ...(await collect(loader))];
    };
    expect(await left(1)).toEqual(await left(0));
  });

  it('continues in mid-epoch when the number of workers changes after a state was loaded', async () => {
    const options = { batchSize: 2, localRank: 0, numLocalIoWorkers: 0 } as const;
    await using whole = new DeepSpeedDataLoader(numbers(9), options);
    const expected = await collect(whole);
    await using stopped = new DeepSpeedDataLoader(numbers(9), options);
    await collect(stopped, 2);
    await using resumed = new DeepSpeedDataLoader(numbers(9), options);
    resumed.loadStateDict(throughJson(stopped.stateDict()));
    resumed.numLocalIoWorkers = 1;
    expect(await collect(resumed)).toEqual(expected.slice(2));
  });

  it('refuses an invalid number of workers', () => {
    const loader = new DeepSpeedDataLoader(numbers(4), { batchSize: 1 });
    expect(() => (loader.numLocalIoWorkers = -1)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG' }),
    );
  });

  it('drops workers that only the default rule requested, with one warning, and never those that the user requested', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const immovable: Dataset<number> = { length: 6, get: (i) => i };
    for (let made = 0; made < 2; made++) {
      await using loader = new DeepSpeedDataLoader(immovable, { batchSize: 3, localRank: 0 });
      expect(await collect(loader)).toHaveLength(2);
      expect(loader.numLocalIoWorkers).toBe(2);
    }
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
    await using loader = new DeepSpeedDataLoader(immovable, {
      batchSize: 3,
      localRank: 0,
      numLocalIoWorkers: 2,
    });
    await expect(collect(loader)).rejects.toMatchObject({ code: 'ERR_MILLRACE_WORKER_TRANSFER' });
  });

  it.each([
    ['distributed', { localRank: 0, dataParallelWorldSize: 2, dataParallelRank: 1 }],
    ['random', { localRank: -1 }],
  ])('continues a %s run in the middle of an epoch, into the epochs after it', async (_, options) => {
    const make = () =>
      new DeepSpeedDataLoader(numbers(23), { batchSize: 3, numLocalIoWorkers: 0, ...options });
    manualSeed(11);
    await using whole = make();
    const expected = [...(await collect(whole)), ...(await collect(whole)), ...(await collect(whole))];
    manualSeed(11);
    await using stopped = make();
    await collect(stopped);
    await collect(stopped, 2);
    const perEpoch = stopped.length!;
    const state = throughJson(stopped.stateDict());
    manualSeed(99);
    await using resumed = make();
    resumed.loadStateDict(state);
    const rest = [...(await collect(resumed)), ...(await collect(resumed))];
    expect(rest).toEqual(expected.slice(perEpoch + 2));
  });

  it('leaves the process-wide generator to others when it continues from a state', async () => {
    manualSeed(1);
    await using loader = new DeepSpeedDataLoader(numbers(8), {
      batchSize: 2,
      localRank: -1,
      numLocalIoWorkers: 0,
    });
    await collect(loader, 2);
    const state = loader.stateDict();
    await using resumed = new DeepSpeedDataLoader(numbers(8), {
      batchSize: 2,
      localRank: -1,
      numLocalIoWorkers: 0,
    });
    resumed.loadStateDict(state);
    const before = defaultGenerator.getState();
    await collect(resumed);
    await collect(resumed);
    expect(defaultGenerator.getState()).toEqual(before);
  });

  it('feeds all devices of one process', async () => {
    setAccelerator(Object.assign(new CpuAccelerator(), { deviceCount: () => 3 }));
    const loader = new DeepSpeedDataLoader(numbers(40), { batchSize: 2, localRank: -1 });
    expect([loader.batchSize, loader.deviceCount, loader.numLocalIoWorkers, loader.length]).toEqual([
      6, 3, 6, 7,
    ]);
  });

  it('passes on what DeepSpeed has no setting for', async () => {
    const options = {
      batchSize: 4,
      localRank: 0,
      loaderOptions: { transform: (x: number) => x * 10, prefetchFactor: 3 },
    };
    await using loader = new DeepSpeedDataLoader(numbers(4), { ...options, numLocalIoWorkers: 0 });
    expect((await collect(loader)).flat().sort((a, b) => a - b)).toEqual([0, 10, 20, 30]);
  });

  it('starts the timer before each fetch', async () => {
    let starts = 0;
    const loader = new DeepSpeedDataLoader(numbers(6), {
      batchSize: 2,
      numLocalIoWorkers: 0,
      tputTimer: { start: () => void starts++ },
    });
    const iterator = loader[Symbol.asyncIterator]();
    await iterator.next();
    expect(starts).toBe(1);
    await iterator.next();
    expect(starts).toBe(2);
  });

  it('can be pulled batch by batch', async () => {
    const loader = new DeepSpeedDataLoader(numbers(5), { batchSize: 3, numLocalIoWorkers: 0 });
    const sizes: (number | undefined)[] = [];
    for (let pulled = 0; pulled < 3; pulled++) {
      const { value } = await loader.next();
      sizes.push(value ? values(value).length : undefined);
    }
    expect(sizes).toEqual([3, 2, undefined]);
    expect(values((await loader.next()).value)).toHaveLength(3);
  });

  it('loads a stream of unknown length, each rank its part', async () => {
    const stream = {
      *iterate() {
        for (let i = 0; i < 10; i++) yield i;
      },
    };
    const rank = async (dataParallelRank: number): Promise<number[][]> => {
      await using loader = new DeepSpeedDataLoader<number, number, Batch>(stream, {
        batchSize: 2,
        localRank: 0,
        numLocalIoWorkers: 0,
        dataParallelWorldSize: 2,
        dataParallelRank,
      });
      expect(loader.length).toBeNull();
      return await collect(loader);
    };
    expect(await rank(0)).toEqual([[0, 1], [4, 5], [8]]);
    expect(await rank(1)).toEqual([[2, 3], [6, 7], [9]]);
    expect(() => new DeepSpeedDataLoader(stream, { batchSize: 2, parity: true })).toThrow(/TypeError/);
  });

  it.each([
    [{ batchSize: 0 }, 'batchSize'],
    [{ batchSize: 2, dataParallelRank: 2, dataParallelWorldSize: 2 }, 'dataParallelRank'],
    [{ batchSize: 2, numWorkers: 1 }, 'numWorkers'],
    [{ batchSize: 2, loaderOptions: { retries: 3 } }, 'loaderOptions.retries'],
    [
      { batchSize: 2, loaderOptions: { onError: 'skip' }, deepspeedDataloaderConfig: curriculum },
      'loaderOptions.onError',
    ],
    [
      { batchSize: 2, deepspeedDataloaderConfig: { curriculum_learning: true } },
      'deepspeedDataloaderConfig.data_efficiency',
    ],
    [
      { batchSize: 2, deepspeedDataloaderConfig: { ...curriculum, data_parallel_group: { size: () => 3 } } },
      'deepspeedDataloaderConfig.data_parallel_group',
    ],
  ])('refuses %j and names the field', (options, field) => {
    expect(() => new DeepSpeedDataLoader(numbers(4), options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG', field }),
    );
  });
});

describe('DeepSpeedDataLoader with curriculum', () => {
  it('knows how many batches the rank will get', async () => {
    const ranks = { dataParallelWorldSize: 2, dataParallelRank: 1 };
    await using loader = curriculumLoader(0, ranks);
    expect(loader.length).toBe(15);
    expect(await collect(loader)).toHaveLength(15);
  });

  it('hands out the state of the batch it delivers, whatever was drawn ahead', async () => {
    const calls = async (workers: number): Promise<unknown[]> => {
      const seen: unknown[] = [];
      await using loader = curriculumLoader(workers);
      loader.postProcessFunc = (batch, state) => {
        seen.push([state.consumed_samples, state.curriculum_step, state.current_difficulties]);
        return batch;
      };
      await collect(loader);
      return seen;
    };
    const alone = await calls(0);
    expect(alone).toHaveLength(30);
    expect(alone.slice(0, 2)).toEqual([
      [4, 1, { seqlen: 2 }],
      [8, 2, { seqlen: 4 }],
    ]);
    expect(await calls(2)).toEqual(alone);
  });

  it.each([
    [0, 0],
    [2, 0],
    [0, 2],
    [2, 2],
  ])('continues exactly: saved with %d workers, resumed with %d', async (workersBefore, workersAfter) => {
    await using whole = curriculumLoader(0);
    const expected = await collect(whole);
    await using stopped = curriculumLoader(workersBefore);
    expect(await collect(stopped, 7)).toEqual(expected.slice(0, 7));
    const state = throughJson(stopped.stateDict());
    await using resumed = curriculumLoader(workersAfter);
    resumed.loadStateDict(state);
    expect(await collect(resumed)).toEqual(expected.slice(7));
  });

  it('continues after the last delivered batch when one loop ends early and another begins', async () => {
    await using whole = curriculumLoader(0);
    const expected = await collect(whole);
    await using loader = curriculumLoader(2);
    const seen = [...(await collect(loader, 3)), ...(await collect(loader, 4)), ...(await collect(loader))];
    expect(seen).toEqual(expected);
    expect(await collect(loader)).toEqual([]);
  });

  it('changes each batch by postProcessFunc', async () => {
    await using loader = curriculumLoader(0);
    loader.postProcessFunc = (batch) => tensor((batch.data as Float32Array).slice(0, 1));
    for (const batch of await collect(loader)) expect(batch).toHaveLength(1);
  });
});
