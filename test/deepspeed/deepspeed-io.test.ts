import { ArrayDataset, type Tensor } from 'millrace';
import { DeepSpeedDataSampler, deepspeedIo, parseDeepSpeedConfig } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from './golden.js';

const dataset = new ArrayDataset(Array.from({ length: 60 }, (_, i) => i));
const index = `${goldenFolder}dataloader_files/seqlen/seqlen_index_to`;
const curriculumJson = {
  train_micro_batch_size_per_gpu: 4,
  gradient_accumulation_steps: 2,
  data_efficiency: {
    enabled: true,
    data_sampling: {
      enabled: true,
      num_epochs: 1,
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
};

async function collect(loader: AsyncIterable<unknown>): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const batch of loader) batches.push(Array.from((batch as Tensor).data as Float32Array));
  return batches;
}

describe('deepspeedIo', () => {
  it('makes a loader of the configured micro batch, each rank its part', async () => {
    const config = parseDeepSpeedConfig({ train_micro_batch_size_per_gpu: 5 }, { worldSize: 2 });
    const ranks = await Promise.all(
      [0, 1].map((rank) => collect(deepspeedIo(config, dataset, { rank, numLocalIoWorkers: 0 }))),
    );
    expect(ranks.map(({ length }) => length)).toEqual([6, 6]);
    expect(ranks.flat(2).sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });

  it('trains by curriculum where the configuration enables it', async () => {
    const loader = deepspeedIo(curriculumJson, dataset, { localRank: 0 });
    expect(loader.dataSampler).toBeInstanceOf(DeepSpeedDataSampler);
    expect(await collect(loader)).toHaveLength(15);
  });

  it.each(['eval', 'predict'] as const)(
    'reads in order without curriculum and without padding for %s',
    async (route) => {
      const config = parseDeepSpeedConfig(curriculumJson, { worldSize: 7 });
      const ranks = await Promise.all(
        [0, 1, 2, 3, 4, 5, 6].map((rank) =>
          collect(deepspeedIo(config, dataset, { route, rank, numLocalIoWorkers: 0 })),
        ),
      );
      expect(ranks[2]!.flat()).toEqual([2, 9, 16, 23, 30, 37, 44, 51, 58]);
      expect(ranks.flat(2)).toHaveLength(60);
    },
  );

  it('gives the ranks of a sequence-parallel group the same samples', async () => {
    const config = parseDeepSpeedConfig(
      { train_micro_batch_size_per_gpu: 5, sequence_parallel_size: 2 },
      { worldSize: 4 },
    );
    const [a, b, c] = await Promise.all(
      [0, 1, 2].map((rank) => collect(deepspeedIo(config, dataset, { rank, numLocalIoWorkers: 0 }))),
    );
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it('starts the timer for training only', async () => {
    let starts = 0;
    const tputTimer = { start: () => void starts++ };
    const config = { train_batch_size: 10 };
    await collect(deepspeedIo(config, dataset, { route: 'eval', tputTimer, numLocalIoWorkers: 0 }));
    expect(starts).toBe(0);
    await collect(deepspeedIo(config, dataset, { tputTimer, numLocalIoWorkers: 0 }));
    expect(starts).toBe(7);
  });

  it.each([
    [{ route: 'test' }, 'route'],
    [{ worldSize: 3 }, 'worldSize'],
    [{ workers: 3 }, 'workers'],
  ])('refuses %j and names the field', (options, field) => {
    const config = parseDeepSpeedConfig({ train_micro_batch_size_per_gpu: 5 }, { worldSize: 2 });
    expect(() => deepspeedIo(config, dataset, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG', field }),
    );
  });

  it('refuses a value that is not a dataset', () => {
    expect(() => deepspeedIo({ train_batch_size: 1 }, [1, 2, 3] as never)).toThrow(/dataset/);
  });
});
