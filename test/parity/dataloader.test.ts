import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArrayDataset,
  MillraceError,
  RepeatingLoader,
  SequentialSampler,
  type Tensor,
  tensor,
} from 'millrace';
import { CpuAccelerator, setAccelerator } from 'millrace/accelerator';
import { DeepSpeedDataLoader, parseDeepSpeedConfig } from 'millrace/deepspeed';
import { defaultGenerator, manualSeed, TorchGenerator } from 'millrace/random';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  goldenFolder,
  type RecordedError,
  testEveryCase,
  torchRelease,
  type Versions,
} from './golden-file.js';

interface Common {
  readonly batch_size: number;
  readonly local_rank: number;
  readonly world: number | null;
  readonly drop_last: boolean;
  readonly dataset: 'scalar' | 'pair';
  readonly device_count: number;
  readonly global_seed: number | string;
  readonly len: number;
  readonly effective_batch_size: number;
  readonly effective_num_local_io_workers: number;
  readonly effective_device_count: number;
  readonly error?: RecordedError;
}

interface PlainCase extends Common {
  readonly n: number;
  readonly rank: number | null;
  readonly num_local_io_workers: number | null;
  readonly epochs: unknown[][];
  readonly repeat?: number;
  readonly repeated?: unknown[];
  readonly sampler?: 'sequential';
  readonly collate?: 'sum';
  readonly next_global_draw?: number[];
}

interface CurriculumCase extends Common {
  readonly analyzer: { readonly n: number };
  readonly user_config: object;
  readonly gas: number;
  readonly num_workers: number;
  readonly batches: number;
  readonly post: boolean;
  readonly cut: boolean;
  readonly reiterate?: number;
  readonly batches_seen: unknown[];
  readonly post_calls: [consumed: number, step: number, difficulties: object][];
  readonly after_reiterating?: unknown[];
  readonly stopped?: boolean;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-loader-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Sample i is the int64 scalar i, or the pair of the int64 row [i, i²] and i mod 3. */
function datasetOf({ dataset }: Common, n: number): ArrayDataset<unknown> {
  const sample = (i: number): unknown =>
    dataset === 'scalar'
      ? tensor(BigInt64Array.of(BigInt(i)), [])
      : [BigInt64Array.of(BigInt(i), BigInt(i * i)), i % 3];
  return new ArrayDataset(Array.from({ length: n }, (_, i) => sample(i)));
}

/** A batch as nested lists, the way the files have it. Tensors of integers must be int64, as they are in PyTorch. */
function plain(batch: unknown): unknown {
  if (Array.isArray(batch)) return batch.map(plain);
  if (typeof batch === 'number') return batch;
  const { dtype, shape, data } = batch as Tensor;
  expect(dtype).toBe('int64');
  const values = Array.from(data as BigInt64Array, Number);
  const [rows, width] = shape;
  if (width === undefined) return values;
  return Array.from({ length: rows! }, (_, row) => values.slice(row * width, (row + 1) * width));
}

async function take<B>(from: AsyncIterator<B>, count = Number.POSITIVE_INFINITY): Promise<unknown[]> {
  const batches: unknown[] = [];
  while (batches.length < count) {
    const next = await from.next();
    if (next.done) break;
    batches.push(plain(next.value));
  }
  return batches;
}

function prepare({ device_count, global_seed }: Common): void {
  setAccelerator(Object.assign(new CpuAccelerator(), { deviceCount: () => device_count }));
  manualSeed(BigInt(global_seed));
}

function expectSettings(loader: DeepSpeedDataLoader<unknown, unknown, unknown>, golden: Common): void {
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

async function checkPlain(golden: PlainCase, versions: Versions): Promise<void> {
  const dataset = datasetOf(golden, golden.n);
  const sum = (samples: readonly unknown[]): number =>
    (samples as Tensor<'int64'>[]).reduce((total, { data }) => total + Number(data[0]), 0);
  await using loader = new DeepSpeedDataLoader<unknown, unknown, unknown>(dataset, {
    batchSize: golden.batch_size,
    localRank: golden.local_rank,
    numLocalIoWorkers: golden.num_local_io_workers,
    dataParallelWorldSize: golden.world,
    dataParallelRank: golden.rank,
    dataloaderDropLast: golden.drop_last,
    dataSampler: golden.sampler && new SequentialSampler(dataset),
    collateFn: golden.collate && sum,
    parity: true,
  });
  expectSettings(loader, golden);
  if (golden.repeat !== undefined) {
    const repeating = new RepeatingLoader(loader, { parity: true });
    const repeated = await take(repeating[Symbol.asyncIterator](), golden.repeat);
    if (golden.error?.type === 'StopIteration') expect(repeated.length).toBeLessThan(golden.repeat);
    else expect(repeated).toEqual(golden.repeated);
  } else {
    for (const expected of golden.epochs) {
      expect(await take(loader[Symbol.asyncIterator]())).toEqual(expected);
    }
  }
  if (!golden.next_global_draw) return;
  const copy = new TorchGenerator(0, { release: torchRelease(versions) });
  const next = copy.setState(defaultGenerator.getState()).randint(0, 2 ** 31, 3);
  expect([...next], 'the draws after').toEqual(golden.next_global_draw);
}

async function checkCurriculum(golden: CurriculumCase): Promise<void> {
  const text = JSON.stringify({ train_micro_batch_size_per_gpu: golden.batch_size, ...golden.user_config })
    .replaceAll('{FILES}', join(goldenFolder, 'dataloader_files'))
    .replaceAll('{CLUSTERS}', mkdtempSync(join(folder, 'clusters-')));
  await using loader = new DeepSpeedDataLoader<unknown, unknown, unknown>(
    datasetOf(golden, golden.analyzer.n),
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
  const seen = await take(loader[Symbol.asyncIterator](), golden.batches);
  expect(seen).toEqual(golden.batches_seen);
  const { batches, reiterate = 0, stopped = false } = golden;
  const goesOn = seen.length === batches && reiterate > 0;
  const again = goesOn ? await take(loader[Symbol.asyncIterator](), reiterate) : [];
  expect(seen.length < batches || again.length < reiterate).toBe(stopped);
  if (!stopped) expect(again).toEqual(golden.after_reiterating ?? []);
  expect(calls).toEqual(golden.post_calls);
}

testEveryCase<PlainCase | CurriculumCase>('dataloader.json', 29, async (golden, versions) => {
  prepare(golden);
  const check = 'analyzer' in golden ? checkCurriculum(golden) : checkPlain(golden, versions);
  try {
    if (golden.error && golden.error.type !== 'StopIteration')
      await expect(check).rejects.toThrow(MillraceError);
    else await check;
  } finally {
    setAccelerator(new CpuAccelerator());
  }
});
