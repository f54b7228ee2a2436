import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from 'millrace';
import { ArrayDataset, RepeatingLoader, SequentialSampler } from 'millrace';
import { CpuAccelerator, setAccelerator } from 'millrace/accelerator';
import {
  DeepSpeedDataLoader,
  type DeepSpeedDataLoaderOptions,
  parseDeepSpeedConfig,
} from 'millrace/deepspeed';
import { defaultGenerator, manualSeed } from 'millrace/random';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { goldenCases, goldenFolder } from './golden.js';

interface Common {
  batch_size: number;
  local_rank: number;
  world: number | null;
  drop_last: boolean;
  dataset: 'scalar' | 'pair';
  device_count: number;
  global_seed: number;
  len: number;
  effective_batch_size: number;
  effective_num_local_io_workers: number;
  effective_device_count: number;
  error?: { type: string };
}

interface PlainCase extends Common {
  n: number;
  rank: number | null;
  num_local_io_workers: number | null;
  epochs: unknown[][] | number;
  repeat?: number;
  repeated?: unknown[];
  sampler?: 'sequential';
  collate?: 'sum';
  next_global_draw?: number[];
}

interface CurriculumCase extends Common {
  analyzer: { n: number };
  user_config: object;
  gas: number;
  num_workers: number;
  batches: number;
  post: boolean;
  cut: boolean;
  reiterate?: number;
  batches_seen: unknown[];
  post_calls: [number, number, object][];
  after_reiterating?: unknown[];
  stopped?: boolean;
}

const cases = goldenCases<PlainCase | CurriculumCase>('dataloader.json');
const plainCases = cases.filter((c): c is PlainCase => 'n' in c);
const curriculumCases = cases.filter((c): c is CurriculumCase => 'analyzer' in c);

const scalars = (n: number) => new ArrayDataset<unknown>(Array.from({ length: n }, (_, i) => i));
const pairs = (n: number) =>
  new ArrayDataset<unknown>(Array.from({ length: n }, (_, i) => [Int32Array.of(i, i * i), i % 3]));
const datasetOf = (style: 'scalar' | 'pair', n: number) => (style === 'scalar' ? scalars(n) : pairs(n));

/** A batch as nested lists, the way the golden files have it. */
function plain(batch: unknown): unknown {
  if (Array.isArray(batch)) return batch.map(plain);
  if (typeof batch === 'number') return batch;
  const { shape, data } = batch as Tensor;
  const values = Array.from(data as Float64Array, Number);
  return shape.length === 1
    ? values
    : Array.from({ length: shape[0]! }, (_, row) => values.slice(row * 2, row * 2 + 2));
}

async function take<B>(from: AsyncIterator<B>, count: number): Promise<unknown[]> {
  const batches: unknown[] = [];
  while (batches.length < count) {
    const next = await from.next();
    if (next.done) break;
    batches.push(plain(next.value));
  }
  return batches;
}

async function pass(loader: AsyncIterable<unknown>): Promise<unknown[]> {
  return take(loader[Symbol.asyncIterator](), Number.POSITIVE_INFINITY);
}

function useDevices(count: number): void {
  setAccelerator(Object.assign(new CpuAccelerator(), { deviceCount: () => count }));
}

function expectSettings(loader: DeepSpeedDataLoader<unknown, unknown>, golden: Common): void {
  expect({
    length: loader.length,
    batchSize: loader.batchSize,
    workers: loader.numLocalIoWorkers,
    devices: loader.deviceCount,
  }).toEqual({
    length: golden.len,
    batchSize: golden.effective_batch_size,
    workers: golden.effective_num_local_io_workers,
    devices: golden.effective_device_count,
  });
}

afterEach(() => setAccelerator(new CpuAccelerator()));

describe('DeepSpeedDataLoader with parity, without curriculum', () => {
  it.each(plainCases.map((c, i) => [i, c] as const))(
    'gives the batches of the original (case %d)',
    async (_, golden) => {
      useDevices(golden.device_count);
      manualSeed(golden.global_seed);
      const dataset = datasetOf(golden.dataset, golden.n);
      const options: DeepSpeedDataLoaderOptions<unknown, unknown> = {
        batchSize: golden.batch_size,
        localRank: golden.local_rank,
        numLocalIoWorkers: golden.num_local_io_workers,
        dataParallelWorldSize: golden.world,
        dataParallelRank: golden.rank,
        dataloaderDropLast: golden.drop_last,
        dataSampler: golden.sampler ? new SequentialSampler(dataset) : undefined,
        collateFn: golden.collate
          ? (samples) => (samples as number[]).reduce((sum, x) => sum + x, 0)
          : undefined,
        parity: true,
      };
      await using loader = new DeepSpeedDataLoader(dataset, options);
      expectSettings(loader, golden);
      if (golden.repeat !== undefined) {
        const repeated = await take(new RepeatingLoader(loader, { parity: true }), golden.repeat);
        expect(repeated).toEqual(golden.repeated ?? []);
      } else {
        const epochs = golden.epochs as unknown[][];
        for (const expected of epochs) expect(await pass(loader)).toEqual(expected);
      }
      if (golden.next_global_draw) {
        expect([...defaultGenerator.randint(0, 2 ** 31, 3)].map(Number)).toEqual(golden.next_global_draw);
      }
    },
  );
});

describe('DeepSpeedDataLoader with parity and curriculum', () => {
  let clusters: string;

  beforeEach(() => {
    clusters = mkdtempSync(join(tmpdir(), 'millrace-loader-'));
  });

  afterEach(() => rmSync(clusters, { recursive: true }));

  it.each(curriculumCases.map((c, i) => [i, c] as const))(
    'gives the batches and states of the original (case %d)',
    async (_, golden) => {
      useDevices(golden.device_count);
      manualSeed(golden.global_seed);
      const text = JSON.stringify({
        train_micro_batch_size_per_gpu: golden.batch_size,
        ...golden.user_config,
      })
        .replaceAll('{FILES}', `${goldenFolder}dataloader_files`)
        .replaceAll('{CLUSTERS}', clusters);
      await using loader = new DeepSpeedDataLoader<unknown, unknown>(
        datasetOf(golden.dataset, golden.analyzer.n),
        {
          batchSize: golden.batch_size,
          localRank: golden.local_rank,
          dataParallelWorldSize: golden.world,
          dataParallelRank: 0,
          dataloaderDropLast: golden.drop_last,
          deepspeedDataloaderConfig: {
            curriculum_learning: true,
            data_efficiency: parseDeepSpeedConfig(text, { parity: true }),
            data_parallel_group: { size: () => golden.world ?? 1 },
            gradient_accumulation_steps: golden.gas,
            global_rank: 0,
            num_workers: golden.num_workers,
          },
          parity: true,
        },
      );
      const calls: unknown[] = [];
      if (golden.post) {
        loader.postProcessFunc = (batch, state) => {
          calls.push([state.consumed_samples, state.curriculum_step, state.current_difficulties]);
          const values = plain(batch) as unknown[];
          return golden.cut ? values.slice(0, Math.max(1, Math.floor(values.length / 2))) : batch;
        };
      }
      expectSettings(loader, golden);
      expect(await take(loader[Symbol.asyncIterator](), golden.batches)).toEqual(golden.batches_seen);
      if (golden.reiterate !== undefined) {
        expect(await take(loader[Symbol.asyncIterator](), golden.reiterate)).toEqual(
          golden.after_reiterating,
        );
      }
      expect(calls).toEqual(golden.post_calls);
    },
  );
});
