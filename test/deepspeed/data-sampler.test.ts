import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { DeepSpeedDataSampler } from 'millrace/deepspeed';
import { describe, expect, it, vi } from 'vitest';
import type { DeepSpeedDataSamplerOptions } from '../../dist/deepspeed/data-sampler-options.js';
import { goldenFolder } from './golden.js';

const a100 = `${goldenFolder}analyzer_files/a100/seqlen/seqlen_index_to`;
const seqlen = {
  index_to_sample_path: `${a100}_sample`,
  index_to_metric_path: `${a100}_metric`,
  difficulty_type: 'value',
  clustering_type: 'schedule_based',
  min_difficulty: 4,
  max_difficulty: 20,
  schedule_type: 'fixed_linear',
  schedule_config: { total_curriculum_step: 20, difficulty_step: 4 },
} as const;
const a300 = `${goldenFolder}analyzer_files/a300`;
const twoMetrics = {
  seqlen: {
    ...seqlen,
    index_to_sample_path: `${a300}/seqlen/seqlen_index_to_sample`,
    index_to_metric_path: `${a300}/seqlen/seqlen_index_to_metric`,
    min_difficulty: 16,
    max_difficulty: 72,
    schedule_config: { total_curriculum_step: 20, difficulty_step: 8 },
  },
  rarity: {
    ...seqlen,
    index_to_sample_path: `${a300}/rarity/rarity_index_to_sample`,
    index_to_metric_path: `${a300}/rarity/rarity_index_to_metric`,
    min_difficulty: 10,
    max_difficulty: 50,
    schedule_config: { total_curriculum_step: 20, difficulty_step: 10 },
  },
} as const;

interface Setup extends Partial<DeepSpeedDataSamplerOptions> {
  metrics?: object;
  seed?: number;
  epochs?: number;
  folder?: string;
}

function sampler({
  metrics = { seqlen },
  seed = 1234,
  epochs = 2,
  folder,
  ...options
}: Setup = {}): DeepSpeedDataSampler {
  const section = {
    enabled: true,
    seed,
    data_sampling: {
      enabled: true,
      num_epochs: epochs,
      curriculum_learning: {
        enabled: true,
        curriculum_metrics: metrics as never,
        ...(folder !== undefined && { data_cluster_path: folder }),
      },
    },
  };
  return new DeepSpeedDataSampler(section, { totalSamples: 100, microBatchSize: 4, ...options });
}

function take(from: DeepSpeedDataSampler, count: number): number[][] {
  const iterator = from[Symbol.iterator]();
  return Array.from({ length: count }, () => iterator.next().value as number[]);
}

const throughJson = <S>(state: S): S => JSON.parse(JSON.stringify(state)) as S;

describe('DeepSpeedDataSampler', () => {
  it.each([
    [{ totalSamples: 100, epochs: 2, microBatchSize: 4 }, 50],
    [{ totalSamples: 100, epochs: 1, microBatchSize: 3 }, 33],
    [{ totalSamples: 100, epochs: 1, microBatchSize: 3, dropLast: false }, 34],
    [
      {
        totalSamples: 100,
        epochs: 1,
        microBatchSize: 4,
        dataParallelWorldSize: 4,
        gradientAccumulationSteps: 2,
      },
      6,
    ],
  ])('gives exactly the micro-steps of all epochs: %j → %d', (setup, steps) => {
    const own = sampler(setup);
    expect(own.length).toBe(steps);
    expect([...own]).toHaveLength(steps);
    expect([...own]).toHaveLength(0);
  });

  it('counts what was delivered', () => {
    const own = sampler();
    take(own, 3);
    expect(own.consumedSamples).toBe(12);
    expect(own.stateDict().consumed_samples).toBe(12);
  });

  it('gives the batches of the original as long as no cluster runs short', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-sampler-'));
    try {
      const original = [...sampler({ folder, parity: true })];
      expect([...sampler()]).toEqual(original.slice(0, -1));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('fills every batch from clusters that are smaller than their share', () => {
    const tiny = {
      ...seqlen,
      min_difficulty: 1,
      schedule_config: { total_curriculum_step: 100, difficulty_step: 1 },
    };
    const own = sampler({ metrics: { seqlen: tiny }, microBatchSize: 16 });
    const batches = [...own];
    expect(batches).toHaveLength(12);
    for (const batch of batches) expect(batch).toHaveLength(16);
    expect(new Set(batches[0]).size).toBe(5);
  });

  it('gives all ranks together each micro-step once', () => {
    const options = {
      dataParallelWorldSize: 4,
      microBatchSize: 2,
      gradientAccumulationSteps: 2,
      dropLast: false,
    };
    const ranks = [0, 1, 2, 3].map((dataParallelRank) => [...sampler({ ...options, dataParallelRank })]);
    const whole = [...sampler({ microBatchSize: 8, gradientAccumulationSteps: 2, dropLast: false })];
    expect(whole.map((_, step) => ranks.flatMap((batches) => batches[step]!))).toEqual(whole);
  });

  it('gives every rank a sample of a last micro-step that has fewer samples than ranks', () => {
    const options = {
      dataParallelWorldSize: 8,
      microBatchSize: 4,
      epochs: 1,
      totalSamples: 99,
      dropLast: false,
    };
    const last = [0, 1, 2, 3, 4, 5, 6, 7].map(
      (dataParallelRank) => [...sampler({ ...options, dataParallelRank })].at(-1)!,
    );
    expect(last.map(({ length }) => length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(new Set(last.flat()).size).toBeLessThanOrEqual(3);
  });

  it.each([
    ['one metric', { gradientAccumulationSteps: 2 }],
    [
      'two metrics',
      { metrics: twoMetrics, totalSamples: 300, epochs: 1, dataParallelWorldSize: 2, dataParallelRank: 1 },
    ],
    ['tiny clusters', { metrics: { seqlen: { ...seqlen, min_difficulty: 1 } }, microBatchSize: 16 }],
    ['a single cluster', { metrics: { seqlen: { ...seqlen, clustering_type: 'single_cluster' } } }],
  ])('continues from the state at any micro-step as if it had never stopped: %s', (_, setup: Setup) => {
    const whole = [...sampler(setup)];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (k) => {
        const stopped = sampler(setup);
        take(stopped, k);
        const resumed = sampler(setup);
        resumed.loadStateDict(throughJson(stopped.stateDict()));
        expect([...resumed]).toEqual(whole.slice(k));
      }),
      { numRuns: 25 },
    );
  });

  it('keeps a state apart from what happens later, and itself apart from what is done to a state', () => {
    const own = sampler();
    take(own, 5);
    const state = own.stateDict() as { current_difficulties: Record<string, number>; batch: number[] };
    const before = structuredClone(state);
    const expected = take(sampler(), 10).slice(5);
    state.current_difficulties.seqlen = 99;
    state.batch.push(7);
    expect(take(own, 5)).toEqual(expected);
    own.loadStateDict(before);
    expect(take(own, 5)).toEqual(expected);
  });

  it('can be loaded twice, and into a sampler that has run', () => {
    const own = sampler();
    take(own, 9);
    const state = own.stateDict();
    const expected = take(own, 6);
    own.loadStateDict(state);
    own.loadStateDict(state);
    expect(take(own, 6)).toEqual(expected);
  });

  it.each([
    ['total_samples', { totalSamples: 99 }],
    ['micro_batch_size', { microBatchSize: 2 }],
    ['data_parallel_world_size', { dataParallelWorldSize: 2 }],
    ['gradient_accumulation_steps', { gradientAccumulationSteps: 2 }],
    ['num_epochs', { epochs: 3 }],
    ['seed', { seed: 1 }],
    ['metrics', { metrics: { seqlen: { ...seqlen, max_difficulty: 16 } } }],
  ])('refuses a state with another %s', (field, setup: Setup) => {
    const state = sampler().stateDict();
    expect(() => sampler(setup).loadStateDict(state)).toThrow(
      expect.objectContaining({
        code: 'ERR_MILLRACE_STATE_MISMATCH',
        where: expect.objectContaining({ field }),
      }),
    );
  });

  it('takes a state of the original with its cluster files, and warns that the random numbers begin again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-sampler-'));
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      const original = sampler({ folder, parity: true });
      take(original, 7);
      const state = original.stateDict();
      const resumedThere = sampler({ folder, parity: true });
      resumedThere.loadStateDict(state);
      const resumedHere = sampler({ folder });
      resumedHere.loadStateDict(state);
      expect(warn).toHaveBeenCalledWith(expect.stringMatching(/start again/), expect.anything());
      expect(take(resumedHere, 1)).toEqual(take(resumedThere, 1));
      expect(throughJson(resumedHere.stateDict()).curriculum_step).toBe(8);
      expect(() => sampler().loadStateDict(state)).toThrow(/data_cluster_path/);
    } finally {
      warn.mockRestore();
      rmSync(folder, { recursive: true });
    }
  });

  it('says at once that no sample is easy enough, with the smallest difficulty there is', () => {
    const metrics = {
      seqlen: {
        ...seqlen,
        min_difficulty: 0,
        schedule_config: { total_curriculum_step: 100, difficulty_step: 8 },
      },
    };
    expect(() => sampler({ metrics })).toThrow(
      expect.objectContaining({
        code: 'ERR_MILLRACE_CONFIG',
        message: expect.stringMatching(/seqlen.*0.*smallest.*1/),
      }),
    );
    const apart = { ...twoMetrics, rarity: { ...twoMetrics.rarity, min_difficulty: -10 } };
    expect(() => sampler({ metrics: apart, totalSamples: 300 })).toThrow(/rarity/);
  });

  // DeepSpeed's names of the same steps.
  it.each([
    [0.5, ['m4.0', 'm5.0', 'm6.0', 'm7.0', 'm8.0']],
    [1.5, ['m3.0', 'm4.5', 'm6.0', 'm7.5', 'm8']],
    [1, ['m4', 'm5', 'm6', 'm7', 'm8']],
  ])('names clusters by floats where Python has them: a step of %d', (difficulty_step, names) => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-clusters-'));
    const m = {
      ...seqlen,
      max_difficulty: 8,
      schedule_config: { total_curriculum_step: 4, difficulty_step },
    };
    try {
      const own = sampler({ metrics: { m }, folder, parity: true });
      take(own, 6);
      const made = own.stateDict().data_cluster_paths as string[];
      expect(made).toEqual(
        names.filter((name) => made.includes(`cluster_${name}`)).map((name) => `cluster_${name}`),
      );
      expect(made.length).toBeGreaterThan(3);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('follows a schedule that is a function', () => {
    const own = sampler({ metrics: { seqlen: { ...seqlen, schedule_type: 'custom', schedule_config: {} } } });
    own.setCustomCurriculumLearningSchedule({ seqlen: (step) => (step < 4 ? 4 : 12) });
    take(own, 3);
    expect(own.currentDifficulties).toEqual({ seqlen: 4 });
    take(own, 1);
    expect(own.currentDifficulties).toEqual({ seqlen: 12 });
  });

  it.each([
    [{ dataParallelRank: 2, dataParallelWorldSize: 2 }, 'dataParallelRank'],
    [{ microBatchSize: 0 }, 'microBatchSize'],
    [{ shuffle: true }, 'shuffle'],
  ])('refuses %j and names the field', (options, field) => {
    expect(() => sampler(options as Setup)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG', field }),
    );
  });

  it('refuses a configuration in which curriculum learning is off', () => {
    expect(() => new DeepSpeedDataSampler({}, { totalSamples: 10, microBatchSize: 1 })).toThrow(
      expect.objectContaining({ field: 'data_efficiency.data_sampling.curriculum_learning.enabled' }),
    );
  });
});
