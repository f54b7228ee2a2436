// The one pass of a DeepSpeed curriculum holds all epochs: each draw of a sample has random numbers of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset, type Dataset, type Tensor } from 'millrace';
import { DataAnalyzer, deepspeedIo } from 'millrace/deepspeed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const samples = 16;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  await new DataAnalyzer(new ArrayDataset(Array.from({ length: samples }, (_, value) => ({ value }))), {
    batchSize: 4,
    metricNames: ['m'],
    metricFunctions: [(batch: { value: Tensor }) => Array.from(batch.value.data, Number)],
    savePath: folder,
  }).runMapReduce();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const drawing: Dataset<string> = { length: samples, get: (index, { rng }) => `${index}:${rng.uint32()}` };

function loaderOf(rank: number, worldSize: number, gradientAccumulationSteps: number) {
  const curriculum_learning = {
    enabled: true,
    curriculum_metrics: {
      m: {
        index_to_sample_path: `${folder}/m/m_index_to_sample`,
        index_to_metric_path: `${folder}/m/m_index_to_metric`,
        difficulty_type: 'value',
        clustering_type: 'schedule_based',
        min_difficulty: 8,
        max_difficulty: 15,
        schedule_type: 'fixed_linear',
        schedule_config: { total_curriculum_step: 4, difficulty_step: 1 },
      },
    },
  };
  const config = {
    train_batch_size: 8,
    gradient_accumulation_steps: gradientAccumulationSteps,
    data_efficiency: {
      enabled: true,
      seed: 1,
      data_sampling: { enabled: true, num_epochs: 5, curriculum_learning },
    },
  };
  return deepspeedIo<string, string[]>(config, drawing, {
    rank,
    worldSize,
    numLocalIoWorkers: 0,
    collateFn: (all) => [...all],
  });
}

async function all(loader: AsyncIterable<string[]>): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}

describe('a sample of a curriculum', () => {
  it('has other random numbers each time it is drawn', async () => {
    const drawn = (await all(loaderOf(0, 1, 1))).flat();
    expect(drawn).toHaveLength(80);
    expect(new Set(drawn).size).toBe(80);
  });

  it('has the same on every layout of ranks and micro-batches', async () => {
    const whole = (await all(loaderOf(0, 1, 1))).flat();
    for (const [worldSize, steps] of [
      [2, 1],
      [1, 2],
      [2, 2],
      [4, 2],
    ] as const) {
      const ranks = await Promise.all(
        Array.from({ length: worldSize }, (_, rank) => all(loaderOf(rank, worldSize, steps))),
      );
      expect(ranks[0]!.flatMap((_, k) => ranks.flatMap((own) => own[k]!))).toEqual(whole);
    }
  });

  it('has the same after a resume', async () => {
    const whole = await all(loaderOf(0, 1, 1));
    const before = loaderOf(0, 1, 1);
    for (let k = 0; k < 4; k++) expect((await before.next()).value).toEqual(whole[k]);
    const after = loaderOf(0, 1, 1);
    after.loadStateDict(before.stateDict());
    expect(await all(after)).toEqual(whole.slice(4));
  });
});
