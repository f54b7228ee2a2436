// Types are behavior: what inference gives, and what must not compile.
import {
  ArrayDataset,
  type BatchOf,
  BatchSampler,
  type Collated,
  DataLoader,
  type Dataset,
  DistributedSampler,
  defaultCollate,
  type IterableDataset,
  padCollate,
  RandomSampler,
  RepeatingLoader,
  randomSplit,
  ShuffleBuffer,
  StackDataset,
  type Subset,
  type Tensor,
  TensorDataset,
  tensor,
  workerDataset,
  workerFunction,
} from 'millrace';
import { deviceBatches } from 'millrace/accelerator';
import { DeepSpeedDataLoader, torchCollate } from 'millrace/deepspeed';
import { type TokenBudgetSampler, TokenWindows } from 'millrace/tokens';
import { describe, expectTypeOf, it } from 'vitest';

interface Sample {
  x: Tensor<'float32'>;
  y: number;
}
declare const dataset: Dataset<Sample>;

describe('an elastic loader', () => {
  const stream = { *iterate() {} } as IterableDataset<number>;

  it('takes only what can resume on other ranks without reading again', () => {
    new DataLoader(dataset, { elastic: true, shuffle: true, reuseBuffers: true });
    new DataLoader(dataset, { elastic: true, sampler: new RandomSampler(dataset) });
    new DataLoader(dataset, {
      elastic: true,
      batchSampler: new BatchSampler(new RandomSampler(3), { batchSize: 2 }),
    });
    new DataLoader({ ...stream, seekable: true as const }, { elastic: true });
    const ranked = new DistributedSampler(dataset, { worldSize: 2, rank: 0 });
    // @ts-expect-error its order is made for one world size
    new DataLoader(dataset, { elastic: true, sampler: ranked });
    // @ts-expect-error a list does not say
    new DataLoader(dataset, { elastic: true, sampler: Object.assign([0, 1], { length: 2 }) });
    // @ts-expect-error a buffer cannot be sought
    new DataLoader(new ShuffleBuffer(stream, { bufferSize: 5 }), { elastic: true });
    new DataLoader(new ShuffleBuffer(stream, { bufferSize: 5 }), { elastic: false });
    // @ts-expect-error neither can a stream that says nothing
    new DataLoader(stream, { elastic: true });
    const counted = new DataLoader(dataset, { elastic: true, collate: (samples) => samples.length });
    expectTypeOf<BatchOf<typeof counted>>().toEqualTypeOf<number>();
  });

  it('knows the capabilities of samplers as literals', () => {
    const batches = new BatchSampler(new DistributedSampler(3, { worldSize: 2, rank: 0 }), { batchSize: 2 });
    expectTypeOf<(typeof batches)['elastic']>().toEqualTypeOf<false>();
    expectTypeOf<TokenBudgetSampler['elastic']>().toEqualTypeOf<true>();
    expectTypeOf<ShuffleBuffer<number>['seekable']>().toEqualTypeOf<false>();
  });
});

describe('the type of a batch', () => {
  it('is disposable where batches are lent', () => {
    const lent = new DataLoader(dataset, { reuseBuffers: true });
    expectTypeOf<BatchOf<typeof lent>>().toExtend<Disposable>();
    expectTypeOf<BatchOf<typeof lent>['x']>().toEqualTypeOf<Tensor<'float32'>>();
    const owned = new DataLoader(dataset, { reuseBuffers: false });
    expectTypeOf<BatchOf<typeof owned>>().not.toExtend<Disposable>();
    new DataLoader<Sample>(new URL('file:///data.js'), { reuseBuffers: true });
  });

  it('follows from the type of a sample', () => {
    expectTypeOf<BatchOf<DataLoader<Sample>>>().toEqualTypeOf<{
      x: Tensor<'float32'>;
      y: Tensor<'float32'>;
    }>();
    const loader = new DataLoader(dataset, { batchSize: 4 });
    expectTypeOf<BatchOf<typeof loader>>().toEqualTypeOf<{ x: Tensor<'float32'>; y: Tensor<'float32'> }>();
  });

  it('follows from every kind of value', () => {
    expectTypeOf<Collated<bigint>>().toEqualTypeOf<Tensor<'int64'>>();
    expectTypeOf<Collated<boolean>>().toEqualTypeOf<Tensor<'bool'>>();
    expectTypeOf<Collated<string>>().toEqualTypeOf<string[]>();
    expectTypeOf<Collated<Uint16Array>>().toEqualTypeOf<Tensor<'uint16'>>();
    expectTypeOf<Collated<[number, { id: string }]>>().toEqualTypeOf<[Tensor<'float32'>, { id: string[] }]>();
    expectTypeOf<Collated<number, 'int32'>>().toEqualTypeOf<Tensor<'int32'>>();
  });

  it('follows from numberDtype and from collate', () => {
    const integers = new DataLoader(dataset, { numberDtype: 'int64' });
    expectTypeOf<BatchOf<typeof integers>['y']>().toEqualTypeOf<Tensor<'int64'>>();
    const counted = new DataLoader(dataset, { collate: (samples) => samples.length });
    expectTypeOf<BatchOf<typeof counted>>().toEqualTypeOf<number>();
    const padded = padCollate({ numberDtype: 'int32' });
    expectTypeOf(padded([{ y: 1 }])).toEqualTypeOf<{ y: Tensor<'int32'> }>();
    const paddedLoader = new DataLoader(dataset, { collate: padded, shuffle: true });
    expectTypeOf<BatchOf<typeof paddedLoader>['y']>().toEqualTypeOf<Tensor<'int32'>>();
    const asInTorch = new DataLoader(dataset, { collate: torchCollate() });
    expectTypeOf<BatchOf<typeof asInTorch>['y']>().toEqualTypeOf<Tensor<'int64' | 'float64'>>();
    expectTypeOf(defaultCollate([1, 2], { parity: true })).toEqualTypeOf<Tensor<'int64' | 'float64'>>();
    expectTypeOf(defaultCollate([1, 2], { parity: true, numberDtype: 'float64' })).toEqualTypeOf<
      Tensor<'float64'>
    >();
    expectTypeOf(defaultCollate([1, 2])).toEqualTypeOf<Tensor<'float32'>>();
  });

  it('follows from what transform makes of a sample', () => {
    const words = new ArrayDataset(['a', 'b']);
    const counted = new DataLoader(words, { transform: (word) => ({ length: word.length, word }) });
    expectTypeOf<BatchOf<typeof counted>>().toEqualTypeOf<{ length: Tensor<'float32'>; word: string[] }>();
    const numbers = new DataLoader(words, { transform: (word) => word.length, numberDtype: 'int32' });
    expectTypeOf<BatchOf<typeof numbers>>().toEqualTypeOf<Tensor<'int32'>>();
    const drawn = new DataLoader(words, {
      transform: async (word, context) => [word, context.rng.float()] as [string, number],
      shuffle: true,
      numWorkers: 0,
    });
    expectTypeOf<BatchOf<typeof drawn>>().toEqualTypeOf<[string[], Tensor<'float32'>]>();
    const either = (word: string): number | Promise<number> => word.length;
    const later = new DataLoader(words, { transform: either });
    expectTypeOf<BatchOf<typeof later>>().toEqualTypeOf<Tensor<'float32'>>();
    const same = new DataLoader(words, { transform: (word) => word.trim() });
    expectTypeOf<BatchOf<typeof same>>().toEqualTypeOf<string[]>();
  });

  it('follows from transform and then collate', () => {
    const words = new ArrayDataset(['a', 'b']);
    const summed = new DataLoader(words, {
      batchSize: 2,
      transform: (word) => word.length,
      collate: (lengths) => {
        expectTypeOf(lengths).toEqualTypeOf<readonly number[]>();
        return lengths.reduce((sum, length) => sum + length, 0);
      },
    });
    expectTypeOf<BatchOf<typeof summed>>().toEqualTypeOf<number>();
    const padded = new DataLoader(words, {
      transform: (word) => ({ ids: Int32Array.from(word, Number) }),
      collate: padCollate(),
    });
    expectTypeOf<BatchOf<typeof padded>>().toEqualTypeOf<{ ids: Tensor<'int32'> }>();
    const lengthOf = (word: string) => word.length;
    // Functions with types of their own come in any order.
    const first = new DataLoader(words, { collate: (lengths) => lengths.length, transform: lengthOf });
    expectTypeOf<BatchOf<typeof first>>().toEqualTypeOf<number>();
    const wrong = (lengths: readonly string[]) => lengths.join();
    // @ts-expect-error it collates words, and the samples are numbers by then
    new DataLoader(words, { transform: lengthOf, collate: wrong });
  });

  it('follows from a transform wherever batches go', async () => {
    const words = new ArrayDataset(['a', 'b']);
    const transform = (word: string) => ({ length: word.length });
    interface Batch {
      length: Tensor<'float32'>;
    }
    const lent = new DataLoader(words, { transform, reuseBuffers: true });
    expectTypeOf<BatchOf<typeof lent>>().toExtend<Batch & Disposable>();
    const traced = new DataLoader(words, { transform, provenance: true });
    expectTypeOf<BatchOf<typeof traced>['length']>().toEqualTypeOf<Tensor<'float32'>>();
    expectTypeOf<BatchOf<typeof traced>>().toHaveProperty('origin');
    const elastic = new DataLoader(words, { elastic: true, transform });
    expectTypeOf<BatchOf<typeof elastic>>().toEqualTypeOf<Batch>();
    const repeated = new RepeatingLoader(elastic);
    expectTypeOf<BatchOf<typeof repeated>>().toEqualTypeOf<Batch>();
    for await (const batch of deviceBatches(elastic)) expectTypeOf(batch).toHaveProperty('length');
    for await (const lease of elastic.leases({ inFlight: 2 }))
      expectTypeOf(lease.batch).toEqualTypeOf<Batch>();
    const inWorkers = new DataLoader(words, {
      transform: workerFunction<typeof transform>('file:///transform.js'),
      numWorkers: 2,
    });
    expectTypeOf<BatchOf<typeof inWorkers>>().toEqualTypeOf<Batch>();
    const named = new DataLoader(workerDataset<string>('file:///words.js'), { transform });
    expectTypeOf<BatchOf<typeof named>>().toEqualTypeOf<Batch>();
    const stream = new DataLoader(
      {
        *iterate() {
          yield 'a';
        },
      },
      { transform },
    );
    expectTypeOf<BatchOf<typeof stream>>().toEqualTypeOf<Batch>();
    const loader: DataLoader<string, 'float32', { length: number }> = new DataLoader(words, { transform });
    expectTypeOf<BatchOf<typeof loader>>().toEqualTypeOf<Batch>();
  });

  it("follows from a transform in DeepSpeed's loader too", () => {
    const words = new ArrayDataset(['a', 'b']);
    const transform = (word: string) => word.length;
    const loader = new DeepSpeedDataLoader(words, { batchSize: 1, loaderOptions: { transform } });
    expectTypeOf<BatchOf<typeof loader>>().toEqualTypeOf<Tensor<'float32'>>();
  });

  it('is that of each part of a split, without a check for undefined', () => {
    const parts = randomSplit(dataset, [0.8, 0.2]);
    expectTypeOf(parts).toEqualTypeOf<[Subset<Sample>, Subset<Sample>]>();
    const lengths: number[] = [1, 2];
    expectTypeOf(randomSplit(dataset, lengths)).toEqualTypeOf<Subset<Sample>[]>();
    expectTypeOf(randomSplit<Sample>(dataset, [1, 2])).toEqualTypeOf<Subset<Sample>[]>();
  });

  it('follows from built-in datasets', () => {
    const columns = new TensorDataset({
      x: tensor(new Float32Array(6), [3, 2]),
      y: tensor(new Int32Array(3)),
    });
    expectTypeOf(columns.get(0)).toEqualTypeOf<{ x: Tensor<'float32'>; y: Tensor<'int32'> }>();
    const pairs = new TensorDataset(tensor(new Float32Array(3)), tensor(new Int32Array(3)));
    expectTypeOf(pairs.get(0)).toEqualTypeOf<[Tensor<'float32'>, Tensor<'int32'>]>();
    const windows = new TokenWindows(tensor(new Uint16Array(9)), { length: 4 });
    expectTypeOf(windows.get(0).x).toEqualTypeOf<Tensor<'int32'>>();
    const stacked = new StackDataset({ a: new ArrayDataset([1]), b: new ArrayDataset(['x']) });
    const loader = new DataLoader(stacked);
    expectTypeOf<BatchOf<typeof loader>>().toEqualTypeOf<{ a: Tensor<'float32'>; b: string[] }>();
  });
});

describe('what must not compile', () => {
  it('is an option that another one excludes', () => {
    // @ts-expect-error batchSampler excludes batchSize
    new DataLoader(dataset, { batchSampler: [[0]], batchSize: 8 });
    // @ts-expect-error an unknown option
    new DataLoader(dataset, { batchsize: 8 });
    // @ts-expect-error bool is no dtype for numbers in a tensor of float data
    tensor(new Float32Array(2), [2], 'int32');
  });
});
