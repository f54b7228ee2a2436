// The defects of the originals, one by one: right by default, as in the original with parity. docs/parity.md lists them.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArrayDataset,
  DistributedSampler,
  defaultCollate,
  RepeatingLoader,
  type Tensor,
  tensor,
  WeightedRandomSampler,
} from 'millrace';
import {
  batchBySeqlens,
  Collectives,
  CurriculumScheduler,
  DataAnalyzer,
  DeepSpeedDataLoader,
  DeepSpeedDataSampler,
  deepspeedIo,
  EngineData,
  parseDeepSpeedConfig,
  RandomLtdScheduler,
  ThroughputTimer,
  UlyssesSPDataLoaderAdapter,
  VariableBatchSizeLr,
} from 'millrace/deepspeed';
import {
  CollateError,
  ConfigError,
  EmptyLoaderError,
  FormatError,
  StateMismatchError,
} from 'millrace/errors';
import { IndexedDataset, IndexedDatasetBuilder } from 'millrace/formats';
import { TorchGenerator } from 'millrace/random';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DeepSpeedDataLoaderOptions } from '../../dist/deepspeed/data-loader-options.js';
import type { DeepSpeedDataSamplerOptions } from '../../dist/deepspeed/data-sampler-options.js';
import { defect, testedDefects } from './defect.js';

let folder: string;
let index: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-defects-'));
  index = join(folder, 'index');
  // Samples 0 … 29 of the difficulties 1 … 10, three each: easy ones first.
  writeIndex(
    index,
    Array.from({ length: 10 }, (_, k) => [k + 1, [3 * k, 3 * k + 1, 3 * k + 2]]),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

function writeIndex(prefix: string, rows: readonly (readonly [value: number, ids: number[]])[]): void {
  const samples = new IndexedDatasetBuilder(`${prefix}_sample`, { dtype: 'uint8' });
  const values = new IndexedDatasetBuilder(`${prefix}_metric`, { dtype: 'uint8' });
  for (const [value, ids] of rows) {
    samples.addItem(ids);
    values.addItem([value]);
  }
  for (const builder of [samples, values]) {
    builder.endDocument();
    builder.finalize();
  }
}

const newFolder = () => mkdtempSync(join(folder, 'clusters-'));

/** A metric over the index, which admits more samples from step to step. */
function metric(changes: object = {}) {
  return {
    index_to_sample_path: `${index}_sample`,
    index_to_metric_path: `${index}_metric`,
    difficulty_type: 'value',
    clustering_type: 'schedule_based',
    min_difficulty: 4,
    max_difficulty: 10,
    schedule_type: 'fixed_linear',
    schedule_config: { total_curriculum_step: 6, difficulty_step: 2 },
    ...changes,
  };
}

function section(metrics: object = { m: metric() }, clusters = newFolder(), epochs = 1) {
  const curriculum_learning = {
    enabled: true,
    data_cluster_path: clusters,
    curriculum_metrics: metrics as never,
  };
  return {
    enabled: true,
    seed: 7,
    data_sampling: { enabled: true, num_epochs: epochs, curriculum_learning },
  };
}

function sampler(
  parity: boolean,
  metrics?: object,
  options: Partial<DeepSpeedDataSamplerOptions> & { clusters?: string; epochs?: number } = {},
): DeepSpeedDataSampler {
  const { clusters, epochs, ...rest } = options;
  return new DeepSpeedDataSampler(section(metrics, clusters, epochs), {
    totalSamples: 30,
    microBatchSize: 5,
    parity,
    ...rest,
  });
}

const throughJson = <S>(state: S): S => JSON.parse(JSON.stringify(state)) as S;

function takeSome(from: DeepSpeedDataSampler, count: number): number[][] {
  const iterator = from[Symbol.iterator]();
  return Array.from({ length: count }, () => iterator.next().value as number[]);
}

const items = (n: number) => new ArrayDataset(Array.from({ length: n }, (_, i) => i));

function curriculumLoader(parity: boolean, numWorkers = 0) {
  return new DeepSpeedDataLoader(items(30), {
    batchSize: 5,
    dataParallelWorldSize: 1,
    dataParallelRank: 0,
    parity,
    deepspeedDataloaderConfig: {
      curriculum_learning: true,
      data_efficiency: section(),
      num_workers: numWorkers,
    },
  });
}

async function batchesOf(
  loader: AsyncIterable<unknown>,
  limit = Number.POSITIVE_INFINITY,
): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const batch of loader) {
    batches.push(Array.from((batch as Tensor).data as ArrayLike<number | bigint>, Number));
    if (batches.length === limit) break;
  }
  return batches;
}

/** Saves after three micro-steps and goes on in another sampler. */
function resumed(parity: boolean): { rest: number[][]; expected: number[][] } {
  const expected = [...sampler(parity)];
  const clusters = newFolder();
  const stopped = sampler(parity, undefined, { clusters });
  takeSome(stopped, 3);
  const other = sampler(parity, undefined, { clusters });
  other.loadStateDict(throughJson(stopped.stateDict()));
  return { rest: [...other], expected: expected.slice(3) };
}

defect('sampler-resume-random', {
  byDefault() {
    const { rest, expected } = resumed(false);
    expect(rest).toEqual(expected);
  },
  withParity() {
    const { rest, expected } = resumed(true);
    expect(rest).not.toEqual(expected);
    // What stands there is a state that numpy takes: numpy.random.RandomState(7).get_state().
    const [name, words, ...rests] = sampler(true).stateDict().np_rng_state as [
      string,
      number[],
      number,
      number,
      number,
    ];
    expect([name, words.length, words.slice(0, 2), rests]).toEqual([
      'MT19937',
      624,
      [7, 4097098180],
      [624, 0, 0],
    ]);
  },
});

defect('sampler-consumed-lag', {
  byDefault() {
    const own = sampler(false);
    takeSome(own, 3);
    expect(own.stateDict().consumed_samples).toBe(15);
  },
  withParity() {
    const own = sampler(true);
    takeSome(own, 3);
    expect(own.stateDict().consumed_samples).toBe(10);
  },
});

defect('cluster-files', {
  byDefault() {
    const clusters = newFolder();
    takeSome(sampler(false, undefined, { clusters }), 3);
    expect(existsSync(join(clusters, 'cluster_m4.bin'))).toBe(false);
  },
  withParity() {
    const clusters = newFolder();
    takeSome(sampler(true, undefined, { clusters }), 1);
    const first = readFileSync(join(clusters, 'cluster_m4.bin'));
    // Twelve samples in batches of five: by the fifth step they have been shuffled again, under a saved position.
    takeSome(sampler(true, { m: metric({ max_difficulty: 4 }) }, { clusters }), 5);
    expect(readFileSync(join(clusters, 'cluster_m4.bin'))).not.toEqual(first);
  },
});

defect('state-ahead-of-batch', {
  async byDefault() {
    await using loader = curriculumLoader(false, 2);
    const seen: unknown[] = [];
    loader.postProcessFunc = (batch, state) => {
      seen.push(state.consumed_samples);
      return batch;
    };
    await batchesOf(loader, 2);
    expect(seen).toEqual([5, 10]);
  },
  async withParity() {
    await using loader = curriculumLoader(true, 2);
    const seen: unknown[] = [];
    loader.postProcessFunc = (batch, state) => {
      seen.push(state.consumed_samples);
      return batch;
    };
    await batchesOf(loader, 2);
    // Two workers hold two index lists each in advance.
    expect(seen).toEqual([20, 25]);
  },
});

defect('prefetched-batches-lost', {
  async byDefault() {
    await using whole = curriculumLoader(false);
    await using loader = curriculumLoader(false, 1);
    const expected = await batchesOf(whole);
    expect([...(await batchesOf(loader, 2)), ...(await batchesOf(loader))]).toEqual(expected);
  },
  async withParity() {
    await using whole = curriculumLoader(true);
    await using loader = curriculumLoader(true, 1);
    const expected = await batchesOf(whole);
    const [first, rest] = [await batchesOf(loader, 2), await batchesOf(loader)];
    expect(first).toEqual(expected.slice(0, 2));
    expect(rest[0]).toEqual(expected[4]);
  },
});

defect('extra-micro-step', {
  byDefault: () => expect([...sampler(false)]).toHaveLength(6),
  withParity: () => expect([...sampler(true)]).toHaveLength(7),
});

defect('curriculum-length', {
  byDefault: () => expect(curriculumLoader(false).length).toBe(6),
  withParity() {
    const options = { dataParallelWorldSize: 2, totalSamples: 30 };
    expect(sampler(true, undefined, options).length).toBe(30);
    expect(sampler(false, undefined, options).length).toBe(3);
  },
});

const oneSmallCluster = () => ({ m: metric({ min_difficulty: 1, max_difficulty: 1 }) });

defect('short-batches', {
  byDefault() {
    const batches = takeSome(sampler(false, oneSmallCluster(), { microBatchSize: 10 }), 3);
    expect(batches.map(({ length }) => length)).toEqual([10, 10, 10]);
  },
  withParity() {
    const options = { microBatchSize: 10, dropLast: false };
    const [batch] = takeSome(sampler(true, oneSmallCluster(), options), 1);
    expect(batch!.length).toBeLessThan(10);
  },
});

defect('endless-spin', {
  byDefault: () => expect([...sampler(false, oneSmallCluster(), { microBatchSize: 10 })]).toHaveLength(3),
  withParity() {
    const spinning = sampler(true, oneSmallCluster(), { microBatchSize: 10 });
    expect(() => [...spinning]).toThrow(
      expect.objectContaining({ where: expect.objectContaining({ original: 'hang' }) }),
    );
  },
});

/** The first metric finds nothing at first; the second finds the easiest twelve. */
const firstFindsNothing = () => ({
  first: metric({ min_difficulty: 0, max_difficulty: 10 }),
  second: metric(),
});

defect('empty-selection', {
  byDefault: () =>
    expect(() => sampler(false, firstFindsNothing())).toThrow(/no sample of first has a difficulty up to 0/),
  withParity() {
    const [batch] = takeSome(sampler(true, firstFindsNothing()), 1);
    expect(batch!.every((id) => id < 12)).toBe(true);
    const { first, second } = firstFindsNothing();
    const original = expect.objectContaining({ where: expect.objectContaining({ original: 'TypeError' }) });
    expect(() => takeSome(sampler(true, { second, first }), 1)).toThrow(original);
  },
});

/** Thirty samples in seven parts: four each, and two left over. */
const percentiles = () => ({
  m: metric({ difficulty_type: 'percentile', min_difficulty: 6, max_difficulty: 7, schedule_type: 'custom' }),
});

function sizesOfClusters(parity: boolean): readonly number[] {
  const own = sampler(parity, percentiles());
  own.setCustomCurriculumLearningSchedule({ m: (step) => (step === 1 ? 6 : 7) });
  takeSome(own, 2);
  return own.dataClusterSizes;
}

defect('percentile-remainder', {
  byDefault: () => expect(sizesOfClusters(false)).toEqual([25, 5]),
  withParity: () => expect(sizesOfClusters(true)).toEqual([24, 6]),
});

/** An index without samples of the difficulties 5 and 6, and a file that an earlier run left behind. */
function withStaleFile(parity: boolean): unknown {
  const clusters = newFolder();
  writeFileSync(join(clusters, 'cluster_m6.bin'), '');
  const gap = join(clusters, 'gap');
  writeIndex(gap, [
    [4, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [10, [10, 11]],
  ]);
  const paths = { index_to_sample_path: `${gap}_sample`, index_to_metric_path: `${gap}_metric` };
  const own = sampler(parity, { m: metric(paths) }, { clusters });
  takeSome(own, 3);
  return own.stateDict().data_cluster_paths;
}

defect('stale-cluster-files', {
  byDefault: () => expect(withStaleFile(false)).toEqual(['cluster_m4']),
  withParity: () => expect(withStaleFile(true)).toEqual(['cluster_m4', 'cluster_m6']),
});

const nothingAtFirst = () => ({ m: metric({ min_difficulty: 0 }) });

defect('nothing-at-first', {
  byDefault() {
    expect(() => sampler(false, nothingAtFirst())).toThrow(ConfigError);
    expect(() => sampler(false, nothingAtFirst())).toThrow(/the smallest is 1/);
  },
  withParity() {
    const original = expect.objectContaining({ where: expect.objectContaining({ original: 'ValueError' }) });
    expect(() => takeSome(sampler(true, nothingAtFirst()), 1)).toThrow(original);
  },
});

function stateFromElsewhere(parity: boolean): () => void {
  const state = throughJson(sampler(parity).stateDict());
  return () => sampler(parity, undefined, { microBatchSize: 3 }).loadStateDict(state);
}

defect('state-of-another-setup', {
  byDefault() {
    expect(stateFromElsewhere(false)).toThrow(StateMismatchError);
    expect(stateFromElsewhere(false)).toThrow(/micro_batch_size/);
  },
  withParity: () => expect(stateFromElsewhere(true)).not.toThrow(),
});

/** A metric function over collated pairs, batch by batch of three: ids are counted by samples or by fields. */
async function idsOfPairs(parity: boolean): Promise<number[]> {
  const savePath = newFolder();
  const analyzer = new DataAnalyzer(new ArrayDataset(Array.from({ length: 12 }, (_, i) => [i, i])), {
    metricNames: ['m'],
    metricFunctions: [(batch: [Tensor, Tensor]) => Array.from(batch[0].data as BigInt64Array, () => 1)],
    batchSize: 3,
    savePath,
    parity,
  });
  await analyzer.runMapReduce();
  const rows = IndexedDataset.openSync(join(savePath, 'm', 'm_index_to_sample'));
  const ids = Array.from(rows.get(0).data as Uint8Array);
  rows.close();
  return ids;
}

defect('analyzer-ids', {
  byDefault: async () => expect(await idsOfPairs(false)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
  withParity: async () => expect(await idsOfPairs(true)).toEqual([0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8]),
});

async function analyzeInParts(parity: boolean): Promise<void> {
  const analyzer = new DataAnalyzer(items(3), {
    metricNames: ['m'],
    metricFunctions: [(batch: Tensor) => batch as Tensor<'int64'>],
    numThreads: 5,
    savePath: newFolder(),
    parity,
  });
  await analyzer.runMapReduce();
}

defect('analyzer-empty-parts', {
  byDefault: () => expect(analyzeInParts(false)).resolves.toBeUndefined(),
  withParity: () => expect(analyzeInParts(true)).rejects.toMatchObject({ where: { original: 'KeyError' } }),
});

const lengths = [5, 3, 9, 2, 2, 7, 1, 4, 6, 3, 8, 2];
const packed = (options: object) =>
  batchBySeqlens(lengths, { maxTokens: 10, ...options }).microbatchIds.map(([, ids]) => ids);

defect('packing-loses-the-tail', {
  byDefault: () => expect(packed({}).at(-1)).toEqual([10, 11]),
  withParity: () => expect(packed({ parity: true }).at(-1)).toEqual([10]),
});

defect('packing-stops-early', {
  byDefault: () => expect(packed({ minBatchSize: 2 })).toHaveLength(5),
  withParity: () => expect(packed({ minBatchSize: 2, parity: true })).toEqual([[0, 1]]),
});

function scaledRates() {
  const optimizer = { paramGroups: [{ lr: 1 }] };
  return new VariableBatchSizeLr({ optimizer, baseBatchSize: 1, batchSizes: [1, 2, 3, 4] });
}

defect('rates-and-batches-part', {
  byDefault() {
    const rates = scaledRates();
    rates.alignTo(6);
    expect(rates.getLr()).toEqual([3]);
  },
  withParity() {
    // The original restores the rates alone; the loader begins again with its first batch.
    const [saved, loaded] = [scaledRates(), scaledRates()];
    for (let step = 0; step < 6; step++) saved.step();
    loaded.loadStateDict(throughJson(saved.stateDict()));
    expect(loaded.lastEpoch).toBe(6);
  },
});

function isOn(parity: boolean): boolean {
  const onlyInnermost = { train_batch_size: 4, data_efficiency: { ...section(), enabled: false } };
  return parseDeepSpeedConfig(onlyInnermost, { parity }).dataEfficiency.data_sampling.curriculum_learning
    .enabled;
}

defect('enabled-switches', {
  byDefault: () => expect(isOn(false)).toBe(false),
  withParity: () => expect(isOn(true)).toBe(true),
});

async function evaluation(parity: boolean, curriculum: boolean, rank = 0): Promise<number[][]> {
  const config = parseDeepSpeedConfig(
    { train_micro_batch_size_per_gpu: 2, ...(curriculum && { data_efficiency: section() }) },
    { worldSize: 2, parity },
  );
  await using loader = deepspeedIo(config, items(curriculum ? 30 : 5), {
    route: 'eval',
    rank,
    numLocalIoWorkers: 0,
    parity,
  });
  return await batchesOf(loader, 8);
}

defect('evaluation-pads', {
  byDefault: async () => expect(await evaluation(false, false, 1)).toEqual([[1, 3]]),
  withParity: async () => expect(await evaluation(true, false, 1)).toEqual([[1, 3], [0]]),
});

defect('evaluation-by-curriculum', {
  byDefault: async () => expect((await evaluation(false, true))[0]).toEqual([0, 2]),
  withParity: async () => expect((await evaluation(true, true))[0]).not.toEqual([0, 2]),
});

const plainLoader = (
  parity: boolean,
  options: Partial<DeepSpeedDataLoaderOptions<number, number, unknown>> = {},
) =>
  new DeepSpeedDataLoader<number, number, unknown>(items(12), {
    batchSize: 12,
    localRank: 0,
    dataParallelWorldSize: 1,
    dataParallelRank: 0,
    numLocalIoWorkers: 0,
    parity,
    ...options,
  });

defect('epoch-never-advances', {
  async byDefault() {
    await using whole = plainLoader(false);
    const loader = new RepeatingLoader(whole);
    const [first, second] = await batchesOf(loader, 2);
    expect(second).not.toEqual(first);
  },
  async withParity() {
    await using whole = plainLoader(true);
    const loader = new RepeatingLoader(whole, { parity: true });
    const [first, second] = await batchesOf(loader, 2);
    expect(second).toEqual(first);
  },
});

const withoutBatches = { async *[Symbol.asyncIterator](): AsyncGenerator<number> {} };

defect('repeating-nothing', {
  byDefault: () => expect(new RepeatingLoader(withoutBatches).next()).rejects.toThrow(EmptyLoaderError),
  withParity: async () =>
    expect((await new RepeatingLoader(withoutBatches, { parity: true }).next()).done).toBe(true),
});

const stream = { iterate: () => [1, 2, 3], fingerprint: () => 'stream' };
const streamLoader = (parity: boolean) =>
  new DeepSpeedDataLoader(stream, {
    batchSize: 2,
    dataParallelWorldSize: 1,
    dataParallelRank: 0,
    numLocalIoWorkers: 0,
    parity,
  });

defect('iterable-datasets', {
  async byDefault() {
    await using loader = streamLoader(false);
    expect(loader.length).toBeNull();
    expect(await batchesOf(loader)).toEqual([[1, 2], [3]]);
  },
  withParity() {
    const original = expect.objectContaining({ where: { original: 'TypeError' } });
    expect(() => streamLoader(true)).toThrow(original);
  },
});

function difficulties(parity: boolean, config: object, steps: number): number[] {
  const scheduler = new CurriculumScheduler(config as never, { parity });
  return Array.from({ length: steps }, (_, step) => scheduler.updateDifficulty(step));
}
const linear = {
  min_difficulty: 10,
  max_difficulty: 100,
  schedule_type: 'fixed_linear',
  schedule_config: { total_curriculum_step: 10, difficulty_step: 8 },
};
const falling = {
  min_difficulty: 2,
  max_difficulty: 9,
  schedule_type: 'fixed_discrete',
  schedule_config: { difficulty: [5, 1, 8], max_step: [1, 2] },
};

defect('difficulty-out-of-bounds', {
  byDefault() {
    const values = difficulties(false, linear, 12);
    expect([values[0], values[10]]).toEqual([10, 100]);
  },
  withParity() {
    const values = difficulties(true, linear, 12);
    expect([values[0], values[10], values[11]]).toEqual([8, 96, 100]);
  },
});

defect('difficulty-falls', {
  byDefault: () => expect(difficulties(false, falling, 4)).toEqual([5, 5, 5, 8]),
  withParity: () => expect(difficulties(true, falling, 4)).toEqual([5, 5, 1, 8]),
});

defect('timer-divides-by-zero', {
  byDefault: () => expect(new ThroughputTimer().averageSamplesPerSecond()).toBeNull(),
  withParity() {
    const timer = new ThroughputTimer({ parity: true, now: () => 1, synchronize: () => {} });
    expect(timer.averageSamplesPerSecond()).toBe(Number.NEGATIVE_INFINITY);
    timer.start();
    timer.stop({ globalStep: true });
    expect(() => timer.averageSamplesPerSecond()).toThrow(
      expect.objectContaining({ where: expect.objectContaining({ original: 'ZeroDivisionError' }) }),
    );
  },
});

const ltd = {
  total_layer_num: 6,
  random_ltd_layer_num: 4,
  global_batch_size: 4,
  random_ltd_schedule: {
    min_value: 20,
    max_value: 70,
    schedule_type: 'fixed_linear',
    schedule_config: { require_steps: 7, seq_per_step: 16 },
  },
} as const;

defect('random-ltd-bounds', {
  byDefault: () => expect(new RandomLtdScheduler(ltd).updateSeq(0)).toBe(20),
  withParity: () => expect(new RandomLtdScheduler(ltd, { parity: true }).updateSeq(0)).toBe(16),
});

function stepAfterCounting(parity: boolean): unknown {
  const scheduler = new RandomLtdScheduler(ltd, { parity });
  scheduler.getTotalLayerTokens(5);
  return scheduler.stateDict().current_steps;
}

defect('random-ltd-counting-moves', {
  byDefault: () => expect(stepAfterCounting(false)).toBe(-1),
  withParity: () => expect(stepAfterCounting(true)).toBe(4),
});

const ofTokens = {
  train_batch_size: 1,
  data_efficiency: {
    enabled: true,
    data_sampling: { enabled: true, dynamic_batching: { enabled: true, max_tokens: 4 } },
  },
};

async function sizesOfBatches(parity: boolean): Promise<number[]> {
  const loader = deepspeedIo(ofTokens, new ArrayDataset([1, 2, 3, 4]), {
    datasetSeqlens: [2, 2, 1, 3],
    collateFn: (samples) => samples,
    numLocalIoWorkers: 0,
    worldSize: 1,
    parity,
  });
  const sizes: number[] = [];
  for await (const batch of loader) sizes.push(batch.length);
  return sizes;
}

defect('dynamic-batching-ignored', {
  byDefault: async () => expect(await sizesOfBatches(false)).toEqual([2, 2]),
  withParity: async () => expect(await sizesOfBatches(true)).toEqual([1, 1, 1, 1]),
});

async function sizeAfterChange(parity: boolean): Promise<number> {
  const json = { train_micro_batch_size_per_gpu: 2 };
  const engine = new EngineData(json, new ArrayDataset([1, 2, 3, 4]), {
    collateFn: (samples) => samples,
    numLocalIoWorkers: 0,
    worldSize: 1,
    parity,
  });
  engine.setTrainMicroBatchSize(3);
  return (await engine.nextBatch())!.length;
}

defect('micro-batch-of-loader', {
  byDefault: async () => expect(await sizeAfterChange(false)).toBe(3),
  withParity: async () => expect(await sizeAfterChange(true)).toBe(2),
});

async function shiftedLabels(parity: boolean): Promise<number[]> {
  const ids = tensor(Int32Array.of(1, 2, 3, 4), [1, 4]);
  const batch = { input_ids: ids, labels: ids, position_ids: tensor(Int32Array.of(0, 1, 0, 1), [1, 4]) };
  const loader = {
    async *[Symbol.asyncIterator]() {
      yield batch;
    },
  };
  const [spGroup] = Collectives.inProcess(1);
  for await (const slice of new UlyssesSPDataLoaderAdapter(loader, { spGroup: spGroup!, parity }))
    return Array.from((slice.shift_labels as Tensor).data as Int32Array);
  return [];
}

defect('labels-cross-documents', {
  byDefault: async () => expect(await shiftedLabels(false)).toEqual([2, -100, 4, -100]),
  withParity: async () => expect(await shiftedLabels(true)).toEqual([2, 3, 4, -100]),
});

async function callsWithoutBatch(parity: boolean): Promise<number> {
  const pipelineStage = { stage: 1, stages: 3, dataParallelRank: 0, dataParallelWorldSize: 1 };
  const options = { pipelineStage, parity };
  const engine = new EngineData({ train_batch_size: 1 }, new ArrayDataset([1]), options);
  let calls = 0;
  engine.setBatchFn((batch) => {
    calls += 1;
    return batch;
  });
  await engine.nextBatch();
  return calls;
}

defect('batch-fn-without-batch', {
  byDefault: async () => expect(await callsWithoutBatch(false)).toBe(0),
  withParity: async () => expect(await callsWithoutBatch(true)).toBe(1),
});

// PyTorch

const oneHasMore = [{ a: 1n }, { a: 2n, b: 3n }];

defect('collate-drops-fields', {
  byDefault: () => expect(() => defaultCollate<object>(oneHasMore)).toThrow(/has the fields a, b/),
  withParity: () => expect(Object.keys(defaultCollate<object>(oneHasMore, { parity: true }))).toEqual(['a']),
});

const unlike = [tensor(Float32Array.of(1)), tensor(BigInt64Array.of(2n))];

defect('collate-promotes', {
  byDefault: () => expect(() => defaultCollate<Tensor>(unlike)).toThrow(CollateError),
  withParity: () => expect(defaultCollate<Tensor>(unlike, { parity: true }).dtype).toBe('float32'),
});

const integerAndFloat: (bigint | number)[] = [1n, 2.5];

defect('collate-by-first-element', {
  byDefault: () => expect(() => defaultCollate(integerAndFloat)).toThrow(/is a number, of sample 0 a bigint/),
  withParity() {
    const dtypeOf = (samples: readonly (bigint | number)[]) =>
      (defaultCollate(samples, { parity: true }) as Tensor).dtype;
    expect(dtypeOf(integerAndFloat)).toBe('float32');
    expect(dtypeOf([...integerAndFloat].reverse())).toBe('float64');
  },
});

defect('builder-wraps', {
  byDefault() {
    const builder = new IndexedDatasetBuilder(join(folder, 'refused'), { dtype: 'uint8' });
    expect(() => builder.addItem([256])).toThrow(FormatError);
    expect(() => builder.addItem([0.5])).toThrow(FormatError);
    builder.discard();
  },
  withParity() {
    const prefix = join(folder, 'wrapped');
    const builder = new IndexedDatasetBuilder(prefix, { dtype: 'uint8', parity: true });
    builder.addItem([256, 300.5]);
    builder.finalize();
    const set = IndexedDataset.openSync(prefix, { dtypeTable: 'deepspeed' });
    expect([...set.get(0).data]).toEqual([0, 44]);
    set.close();
  },
});

const someAreZero = [1, 0, 1];

defect('weights-of-zero', {
  byDefault() {
    const create = () => new WeightedRandomSampler(someAreZero, { numSamples: 3, replacement: false });
    expect(create).toThrow(ConfigError);
  },
  withParity() {
    const generator = new TorchGenerator(0);
    const own = new WeightedRandomSampler(someAreZero, { numSamples: 3, replacement: false, generator });
    expect([...own]).toEqual([2, 0, 1]);
  },
});

defect('distributed-padding', {
  byDefault() {
    const counts = [0, 1, 2].map(
      (rank) => [...new DistributedSampler(7, { worldSize: 3, rank, uneven: 'short' })].length,
    );
    expect(counts.sort()).toEqual([2, 2, 3]);
  },
  withParity() {
    const generator = new TorchGenerator(0);
    const counts = [0, 1, 2].map(
      (rank) => [...new DistributedSampler(7, { worldSize: 3, rank, generator })].length,
    );
    expect(counts).toEqual([3, 3, 3]);
  },
});

it('has a row in docs/parity.md for each of these, and no other rows', () => {
  const page = readFileSync(new URL('../../docs/parity.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name!);
  expect(rows.sort()).toEqual([...testedDefects].sort());
});
