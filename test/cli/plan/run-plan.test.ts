// What a plan says, against what iterating gives.
import fc from 'fast-check';
import { DataLoader, type MixtureDataset } from 'millrace';
import { openConfig } from 'millrace/config';
import type { CurriculumSampler } from 'millrace/curriculum';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf } from '../../../dist/cli/plan/memory.js';
import { openRun } from '../../../dist/cli/plan/open-run.js';
import { RunOrder } from '../../../dist/cli/plan/run-order.js';
import { planRun, type RunPlan } from '../../../dist/cli/plan/run-plan.js';
import { ConfigFolder } from '../../config/folder.js';

const index = new URL('../../golden/analyzer_files/a300/seqlen/seqlen_index_to', import.meta.url).pathname;

let folder: ConfigFolder;
beforeAll(() => {
  folder = new ConfigFolder();
  folder.tokens(
    'web',
    Array.from({ length: 60 }, (_, i) => 1 + ((i * 7) % 23)),
  );
  folder.tokens('books', [40, 50]);
});
afterAll(() => folder.remove());

async function planOf(path: string, options: object = {}): Promise<RunPlan> {
  const { opened, openForRank } = await openRun(path, { rank: 0, worldSize: 1, ...options });
  try {
    return await planRun(opened, new RunOrder(opened, openForRank), { name: path });
  } finally {
    await opened.close();
  }
}

/** All samples that a run gives, by iterating ids in place of the data, over all epochs. */
async function iteratedSamples(
  sampler: CurriculumSampler,
  batchSize: number,
  length: number,
  steps: number,
): Promise<number[]> {
  const ids = { length, get: (sample: number) => sample };
  const loader = new DataLoader(ids, {
    sampler,
    batchSize,
    collate: (samples: readonly number[]) => [...samples],
  });
  const seen: number[] = [];
  for (let step = 0; step < steps; ) {
    for await (const batch of loader) {
      seen.push(...batch);
      if (++step === steps) break;
    }
  }
  return seen;
}

describe('planRun', () => {
  it('counts the samples of a curriculum as iterating does', async () => {
    const runs = fc.record({
      batchSize: fc.integer({ min: 1, max: 9 }),
      steps: fc.integer({ min: 1, max: 60 }),
      total: fc.integer({ min: 1, max: 50 }),
      hardest: fc.integer({ min: 5, max: 23 }),
    });
    await fc.assert(
      fc.asyncProperty(runs, async ({ batchSize, steps, total, hardest }) => {
        const metric = {
          difficulty: 'length',
          minDifficulty: 3,
          maxDifficulty: hardest,
          schedule: { type: 'linear', totalSteps: total, difficultyStep: 1 },
        };
        const path = folder.json('curriculum.json', {
          data: 'web',
          loader: { batchSize },
          curriculum: { metrics: { seqlen: metric } },
          training: { steps },
        });
        const { curriculum, tokens, samples } = await planOf(path);
        const { opened } = await openRun(path, {});
        const sampler = opened.sampler as CurriculumSampler;
        const seen = await iteratedSamples(sampler, batchSize, samples, steps);
        expect(curriculum!.neverSeen).toBe(samples - new Set(seen).size);
        const sizes = (opened.dataset as unknown as { sizes: Int32Array }).sizes;
        expect(tokens).toEqual({ run: seen.reduce((sum, sample) => sum + sizes[sample]!, 0), isExact: true });
        expect(curriculum!.clusters.reduce((sum, cluster) => sum + cluster.seen, 0)).toBe(seen.length);
        const { histogram } = curriculum!.metrics[0]!;
        expect(histogram?.reduce((sum, { count }) => sum + count, 0)).toBe(samples);
        await opened.close();
      }),
      { numRuns: 40 },
    );
  });

  it('counts the samples of each source of a mixture as iterating does', async () => {
    const path = folder.json('mixture.json', {
      data: { mixture: { web: { data: 'web', weight: 3 }, books: { data: 'books', weight: 1 } } },
      windows: { length: 4 },
      loader: { batchSize: 7 },
      training: { epochs: 3 },
    });
    const { mixture, samples, epoch } = await planOf(path);
    const { dataset, close } = await openConfig(path);
    const counts = [0, 0];
    for (let e = 0; e < 3; e++)
      for (let i = 0; i < samples; i++)
        counts[(dataset as MixtureDataset<unknown>).originOf(i, e).source]! += 1;
    expect(mixture!.map(({ name, seen }) => [name, seen])).toEqual([
      ['web', counts[0]],
      ['books', counts[1]],
    ]);
    expect(epoch.coverage).toEqual({ seen: samples, repeated: 0, missing: 0 });
    await close();
  });

  it('plans the curriculum of a DeepSpeed configuration over all ranks', async () => {
    const metric = {
      index_to_sample_path: `${index}_sample`,
      index_to_metric_path: `${index}_metric`,
      difficulty_type: 'value',
      clustering_type: 'schedule_based',
      min_difficulty: 20,
      max_difficulty: 120,
      schedule_type: 'fixed_linear',
      schedule_config: { total_curriculum_step: 20, difficulty_step: 10 },
    };
    const json = folder.json('ds.json', {
      train_batch_size: 8,
      train_micro_batch_size_per_gpu: 2,
      data_efficiency: {
        enabled: true,
        data_sampling: {
          enabled: true,
          num_epochs: 1,
          curriculum_learning: { enabled: true, curriculum_metrics: { seqlen: metric } },
        },
      },
    });
    const { samples, curriculum, steps, split } = await planOf(json, { worldSize: 2 });
    const seen = new Set<number>();
    for (const rank of [0, 1]) {
      const { loader, close } = await openConfig(json, { rank, worldSize: 2, samples });
      for await (const ids of loader) for (const id of ids as number[]) seen.add(id);
      await close();
    }
    expect([samples, split.globalBatch, split.most]).toEqual([300, 8, 2]);
    expect(steps).toBe(Math.ceil(300 / 8));
    expect(curriculum!.neverSeen).toBe(300 - seen.size);
    expect(curriculum!.clusters.length).toBeGreaterThan(2);
  });

  it.each([
    ['windows', { data: 'web', windows: { length: 6, dtype: 'int64' }, loader: { batchSize: 5 } }],
    ['rows', { data: 'web', packing: { rowLength: 30 }, loader: { batchSize: 5 } }],
    [
      'a mixture',
      {
        data: { mixture: { web: { data: 'web' }, books: { data: 'books' } } },
        windows: { length: 6 },
        loader: { batchSize: 5 },
      },
    ],
  ])('knows the bytes of a batch of %s before one is made, and the slots for it', async (_name, config) => {
    const path = folder.json('memory.json', {
      ...config,
      loader: { ...config.loader, numWorkers: 2, prefetchFactor: 3 },
    });
    const { memory } = await planOf(path);
    const { loader, close } = await openConfig(path);
    for await (const batch of loader) {
      // Document boundaries of packed rows are not known in advance.
      const { cuSeqlens: _, maxSeqlen: __, ...fields } = batch as Record<string, unknown>;
      expect(memory.batchBytes).toBe(bytesOf(fields));
      break;
    }
    await close();
    expect(memory).toMatchObject({
      slots: 7,
      numWorkers: 2,
      peakBytes: 7 * memory.batchBytes! + memory.workerBytes,
    });
  });

  it('reports the size as unknown if your own function makes the batch', async () => {
    const path = folder.module(
      'own.mjs',
      `{ data: 'web', loader: { batchSize: 2, collate: M.padCollate(), transform: (s) => s } }`,
    );
    expect((await planOf(path)).memory).toMatchObject({
      batchBytes: undefined,
      peakBytes: undefined,
      slots: 1,
    });
  });

  it('examines evenly spaced steps if there are too many, and marks the result as an estimate', async () => {
    const path = folder.module(
      'large.mjs',
      `new M.DataLoader({ length: 10_000_000, get() { throw new Error('read'); } }, { batchSize: 500, shuffle: true })`,
    );
    const { epoch, stepsPerEpoch } = await planOf(path);
    expect([stepsPerEpoch, epoch.isWhole, epoch.steps, epoch.coverage]).toEqual([
      20_000,
      false,
      200,
      undefined,
    ]);
  });

  it('rejects a stream', async () => {
    const path = folder.module('stream.mjs', 'new M.DataLoader({ *iterate() { yield 1; }, length: 1 })');
    const { opened, openForRank } = await openRun(path, {});
    const plan = planRun(opened, new RunOrder(opened, openForRank), { name: path });
    await expect(plan).rejects.toMatchObject({ code: 'ERR_MILLRACE_CAPABILITY' });
    await opened.close();
  });
});
