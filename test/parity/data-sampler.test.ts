import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeepSpeedDataSampler, parseDeepSpeedConfig } from 'millrace/deepspeed';
import { afterAll, beforeAll, expect } from 'vitest';
import { type CustomRule, customDifficulty } from './custom-rule.js';
import { digestOf, type FileDigest } from './digest.js';
import { goldenFolder, type RecordedError, testEveryCase } from './golden-file.js';

type Difficulties = Record<string, number>;

interface State {
  readonly [key: string]: unknown;
  readonly np_rng_state_is_global_mt19937?: boolean;
}

/** What one sampler gave from where it began to its end. */
interface Stream {
  readonly ended: 'limit' | 'exhausted' | 'error' | 'hang';
  readonly ranks?: number[][][];
  readonly difficulties?: [batch: number, Difficulties][];
  readonly final_state?: State;
  readonly data_cluster_sizes?: number[];
  readonly error?: RecordedError;
}

interface Case extends Stream {
  readonly name: string;
  readonly n: number;
  readonly user_config: object;
  readonly micro_batch_size: number;
  readonly data_parallel_size: number;
  readonly gradient_accumulation_steps: number;
  readonly drop_last: boolean;
  readonly max_batches: number;
  readonly custom_rules?: Record<string, CustomRule>;
  readonly len: number;
  readonly snapshots?: { readonly rank: number; readonly after_batches: number; readonly state: State }[];
  readonly cluster_files_at_end?: Record<string, FileDigest>;
  readonly resume?: Stream & { readonly at: number };
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
    .replaceAll('{FILES}', join(goldenFolder, 'analyzer_files'))
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
  const rules = Object.entries(golden.custom_rules ?? {});
  sampler.setCustomCurriculumLearningSchedule(
    Object.fromEntries(rules.map(([metric, rule]) => [metric, customDifficulty(rule)])),
  );
  return sampler;
}

/** The keys that are compared: numpy's state in the original is that of a generator the sampler never draws from. */
function compared({ np_rng_state, np_rng_state_is_global_mt19937, ...rest }: State): State {
  return rest;
}

interface Outcome {
  readonly batches: number[][];
  readonly difficulties: [number, object][];
  readonly ended: 'limit' | 'exhausted' | 'error';
  readonly error?: unknown;
}

/** Takes batches until there is none or `limit` is reached; records difficulties as they change. */
function consume(
  sampler: DeepSpeedDataSampler,
  limit: number,
  onBatch: (taken: number) => void = () => {},
): Outcome {
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

/** What ended in an endless loop ends in an error here. */
function expectEnd(outcome: Outcome, { ended, error }: Stream): void {
  const { error: own } = outcome;
  expect(outcome.ended, own instanceof Error ? own.message : '').toBe(ended === 'hang' ? 'error' : ended);
  if (outcome.ended === 'error') {
    const original = error?.type ?? 'hang';
    expect(own).toMatchObject({ code: 'ERR_MILLRACE_PARITY', where: { original } });
  }
}

function filesIn(clusters: string): Record<string, FileDigest> {
  return Object.fromEntries(readdirSync(clusters).map((name) => [name, digestOf(join(clusters, name))]));
}

/** One rank from the start; checks its batches, its end and its snapshots. */
function checkRank(golden: Case, rank: number): State | undefined {
  const clusters = join(folder, `${golden.name}-${rank}`);
  const sampler = makeSampler(golden, rank, clusters);
  expect(sampler.length).toBe(golden.len);
  const states = new Map<number, State>();
  const outcome = consume(sampler, golden.max_batches, (taken) => {
    states.set(taken, sampler.stateDict() as State);
    if (rank === 0 && taken === golden.resume?.at) cpSync(clusters, `${clusters}-at`, { recursive: true });
  });
  expect(outcome.batches, `the batches of rank ${rank}`).toEqual(golden.ranks![rank]);
  expectEnd(outcome, golden);
  for (const snapshot of golden.snapshots ?? []) {
    if (snapshot.rank !== rank) continue;
    const { after_batches, state } = snapshot;
    expect(compared(states.get(after_batches)!), `after ${after_batches}`).toEqual(compared(state));
  }
  if (rank === 0) {
    expect(outcome.difficulties).toEqual(golden.difficulties);
    checkClusters(golden, clusters, sampler);
  }
  return golden.resume && states.get(golden.resume.at);
}

function checkClusters(golden: Case, clusters: string, sampler: DeepSpeedDataSampler): void {
  if (golden.ended === 'hang') return;
  expect(compared(sampler.stateDict() as State)).toEqual(compared(golden.final_state!));
  expect(sampler.dataClusterSizes).toEqual(golden.data_cluster_sizes);
  expect(filesIn(clusters)).toEqual(golden.cluster_files_at_end);
}

function checkResumed(golden: Case, rank: number, state: State): void {
  const { ranks, difficulties, final_state, data_cluster_sizes, ...end } = golden.resume!;
  const clusters = join(folder, `${golden.name}-${rank}-resumed`);
  cpSync(join(folder, `${golden.name}-0-at`), clusters, { recursive: true });
  const sampler = makeSampler(golden, rank, clusters);
  sampler.loadStateDict(JSON.parse(JSON.stringify(state)));
  const outcome = consume(sampler, ranks![rank]!.length + (end.ended === 'limit' ? 0 : 1));
  expect(outcome.batches, `the batches of rank ${rank}, resumed`).toEqual(ranks![rank]);
  expectEnd(outcome, end);
  if (rank > 0) return;
  expect(outcome.difficulties).toEqual(difficulties);
  expect(compared(sampler.stateDict() as State)).toEqual(compared(final_state!));
  expect(sampler.dataClusterSizes).toEqual(data_cluster_sizes);
}

testEveryCase<Case>('data_sampler.json', 23, (golden) => {
  if (!golden.ranks) {
    const create = () => makeSampler(golden, 0, join(folder, golden.name));
    expect(create).toThrow(expect.objectContaining({ code: expect.stringMatching(/PARITY|CONFIG|STORAGE/) }));
    return;
  }
  const states = golden.ranks.map((_, rank) => checkRank(golden, rank));
  if (!golden.resume) return;
  for (const [rank, state] of states.entries()) checkResumed(golden, rank, state!);
});
