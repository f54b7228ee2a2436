import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeepSpeedDataSampler, parseDeepSpeedConfig } from 'millrace/deepspeed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goldenCases, goldenFolder } from './golden.js';

interface State {
  [key: string]: unknown;
  np_rng_state_is_global_mt19937?: boolean;
}

interface Created {
  name?: string;
  sha256?: string;
  skipped?: boolean;
}

interface Case {
  name: string;
  n: number;
  user_config: object;
  micro_batch_size: number;
  data_parallel_size: number;
  gradient_accumulation_steps: number;
  drop_last: boolean;
  max_batches: number;
  custom_rules?: Record<string, { start: number; inc: number; every: number; cap: number }>;
  ended: 'limit' | 'exhausted' | 'error' | 'hang';
  len: number;
  error?: { type: string; message: string };
  ranks: number[][][];
  difficulties: [number, Record<string, number>][];
  clusters_created: Created[];
  snapshots: { rank: number; after_batches: number; state: State }[];
  final_state: State;
  data_cluster_sizes: number[];
  cluster_files_at_end: Record<string, { bytes: number; sha256: string }>;
  resume?: {
    at: number;
    ended: string;
    ranks: number[][][];
    difficulties: [number, Record<string, number>][];
    final_state: State;
    data_cluster_sizes: number[];
  };
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-clusters-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function makeSampler(golden: Case, rank: number, clusters: string): DeepSpeedDataSampler {
  const text = JSON.stringify({
    train_micro_batch_size_per_gpu: golden.micro_batch_size,
    ...golden.user_config,
  })
    .replaceAll('{FILES}', `${goldenFolder}analyzer_files`)
    .replaceAll('{CLUSTERS}', clusters);
  const sampler = new DeepSpeedDataSampler(parseDeepSpeedConfig(text, { parity: true }), {
    totalSamples: golden.n,
    microBatchSize: golden.micro_batch_size,
    dataParallelRank: rank,
    dataParallelWorldSize: golden.data_parallel_size,
    gradientAccumulationSteps: golden.gradient_accumulation_steps,
    dropLast: golden.drop_last,
    parity: true,
  });
  const rules = Object.entries(golden.custom_rules ?? {}).map(([metric, { start, inc, every, cap }]) => [
    metric,
    (step: number) => Math.min(cap, start + inc * Math.floor(step / every)),
  ]);
  sampler.setCustomCurriculumLearningSchedule(Object.fromEntries(rules));
  return sampler;
}

/** DeepSpeed's keys but for the generator, whose state in DeepSpeed is that of another one. */
function plainState(state: object): State {
  const { np_rng_state, ...rest } = state as State;
  return rest;
}

function expected({ np_rng_state_is_global_mt19937, ...rest }: State): State {
  return rest;
}

/** Takes batches until there is none or `limit` is reached; records difficulties as they change. */
function consume(sampler: DeepSpeedDataSampler, limit: number, onBatch: (taken: number) => void = () => {}) {
  const batches: number[][] = [];
  const difficulties: [number, object][] = [];
  const iterator = sampler[Symbol.iterator]();
  try {
    while (batches.length < limit) {
      const next = iterator.next();
      if (next.done) return { batches, difficulties, ended: 'exhausted' };
      batches.push(next.value);
      const now = sampler.currentDifficulties;
      if (JSON.stringify(now) !== JSON.stringify(difficulties.at(-1)?.[1]))
        difficulties.push([batches.length - 1, now]);
      onBatch(batches.length);
    }
    return { batches, difficulties, ended: 'limit' };
  } catch (error) {
    return { batches, difficulties, ended: 'error', error };
  }
}

function filesIn(clusters: string): Record<string, { bytes: number; sha256: string }> {
  const entries = readdirSync(clusters).map((name) => {
    const bytes = readFileSync(join(clusters, name));
    return [name, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }];
  });
  return Object.fromEntries(entries);
}

describe.each(goldenCases<Case>('data_sampler.json'))('DeepSpeedDataSampler with parity: $name', (golden) => {
  const ranks = Array.from({ length: golden.data_parallel_size }, (_, rank) => rank);
  const run = (rank: number) => {
    const clusters = join(folder, `${golden.name}-${rank}`);
    const sampler = makeSampler(golden, rank, clusters);
    const states = new Map<number, State>();
    const wanted = new Set(golden.snapshots.map((snapshot) => snapshot.after_batches));
    if (golden.resume) wanted.add(golden.resume.at);
    const outcome = consume(sampler, golden.max_batches, (taken) => {
      if (wanted.has(taken)) states.set(taken, sampler.stateDict() as State);
      if (taken === golden.resume?.at && rank === 0) cpSync(clusters, `${clusters}-at`, { recursive: true });
    });
    return { sampler, clusters, states, ...outcome };
  };
  const runs = new Map<number, ReturnType<typeof run>>();
  const runOf = (rank: number) => {
    if (!runs.has(rank)) runs.set(rank, run(rank));
    return runs.get(rank)!;
  };

  it.each(ranks)('gives rank %d the same batches and the same end', (rank) => {
    const { batches, ended } = runOf(rank);
    expect(batches).toEqual(golden.ranks[rank]);
    expect(ended).toBe(golden.ended === 'hang' ? 'error' : golden.ended);
    expect(runOf(rank).sampler.length).toBe(golden.len);
  });

  it('changes difficulty at the same batches', () => {
    expect(runOf(0).difficulties).toEqual(golden.difficulties);
  });

  if (golden.ended === 'error' || golden.ended === 'hang') {
    it('fails where the original fails, and names its exception', () => {
      expect(runOf(0).error).toMatchObject({
        code: 'ERR_MILLRACE_PARITY',
        where: { original: golden.error?.type ?? 'hang' },
      });
    });
  }

  it.each(golden.snapshots)(
    'has the state of rank $rank after $after_batches batches',
    ({ rank, after_batches, state }) => {
      expect(plainState(runOf(rank).states.get(after_batches)!)).toEqual(expected(state));
    },
  );

  if (golden.ended !== 'hang') {
    it('leaves the same state and the same cluster files, byte for byte', () => {
      const { sampler, clusters } = runOf(0);
      expect(plainState(sampler.stateDict())).toEqual(expected(golden.final_state));
      expect(sampler.dataClusterSizes).toEqual(golden.data_cluster_sizes);
      expect(filesIn(clusters)).toEqual(golden.cluster_files_at_end);
    });
  }

  const { resume } = golden;
  if (resume) {
    it.each(ranks)('resumes rank %d from a saved state as the original does', (rank) => {
      const { states } = runOf(rank);
      const clusters = join(folder, `${golden.name}-${rank}-resumed`);
      runOf(0);
      cpSync(join(folder, `${golden.name}-0-at`), clusters, { recursive: true });
      const sampler = makeSampler(golden, rank, clusters);
      sampler.loadStateDict(JSON.parse(JSON.stringify(states.get(resume.at))));
      const { batches, ended, difficulties } = consume(sampler, resume.ranks[rank]!.length);
      expect(batches).toEqual(resume.ranks[rank]);
      expect(ended).toBe(resume.ended);
      if (rank > 0) return;
      expect(difficulties).toEqual(resume.difficulties);
      expect(plainState(sampler.stateDict())).toEqual(expected(resume.final_state));
      expect(sampler.dataClusterSizes).toEqual(resume.data_cluster_sizes);
    });
  }
});
