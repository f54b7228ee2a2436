import fc from 'fast-check';
import {
  ArrayDataset,
  ChainDataset,
  ConcatDataset,
  DataLoader,
  type Dataset,
  MapDataset,
  MixtureDataset,
  StackDataset,
  Subset,
  TensorDataset,
  tensor,
  workerFunction,
} from 'millrace';
import { ConfigError, IndexRangeError, ShapeError } from 'millrace/errors';
import { sampleContext } from 'millrace/random';
import { PackedDataset, TokenWindows } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { batchesOf, range } from '../loader/collect.js';

const context = sampleContext(0);
const samplesOf = async <T>(dataset: Dataset<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: dataset.length }, (_, i) => dataset.get(i, context)));

describe.each<[string, () => Dataset<unknown>]>([
  [
    'TensorDataset',
    () => new TensorDataset(tensor(Float32Array.of(1, 2, 3)), tensor(new Int8Array(6), [3, 2])),
  ],
  ['ArrayDataset', () => range(4)],
  ['Subset', () => new Subset(range(9), [3, 1, 3])],
  ['Subset of tensors', () => new Subset(new TensorDataset({ x: tensor(Float32Array.of(1, 2, 3)) }), [2, 0])],
  ['ConcatDataset', () => new ConcatDataset([range(2), range(0), range(3)])],
  ['MixtureDataset', () => new MixtureDataset([range(2), range(5)], { weights: [1, 2] })],
  [
    'PackedDataset',
    () =>
      new PackedDataset(new ArrayDataset([[1, 2], [3], [4, 5, 6], [7, 8]]), {
        rowLength: 3,
        lengths: [2, 1, 3, 2],
      }),
  ],
  ['StackDataset', () => new StackDataset({ a: range(3), b: new ArrayDataset(['x', 'y', 'z']) })],
  [
    'MapDataset',
    () =>
      new MapDataset(
        range(4),
        workerFunction<(n: number) => number>(scale, { export: 'scaleBy', options: { factor: 3 } }),
      ),
  ],
  [
    'TokenWindows',
    () => new TokenWindows(tensor(Uint16Array.from({ length: 20 }, (_, i) => i)), { length: 4, stride: 3 }),
  ],
])('%s keeps the dataset contract', (_, make) => {
  it('gives the same batches in workers as without', async () => {
    const here = await batchesOf(new DataLoader(make(), { batchSize: 2, seed: 1 }));
    const loader = new DataLoader(make(), { batchSize: 2, seed: 1, numWorkers: 1 });
    expect(await batchesOf(loader)).toEqual(here);
    await loader.close();
  });

  it('makes whole batches as it makes samples', async () => {
    const fused = await batchesOf(new DataLoader(make(), { batchSize: 3 }));
    const single = await batchesOf(new DataLoader(make(), { batchSize: 3, transform: (sample) => sample }));
    expect(fused).toEqual(single);
  });

  it('refuses an index outside it, and has a fingerprint that is the same for the same content', async () => {
    const dataset = make();
    await expect((async () => dataset.get(dataset.length, context))()).rejects.toThrow(IndexRangeError);
    await expect((async () => dataset.get(-1, context))()).rejects.toThrow(IndexRangeError);
    expect(dataset.fingerprint!()).toMatch(/^[0-9a-f]{32}$/);
    expect(make().fingerprint!()).toBe(dataset.fingerprint!());
  });
});

const scale = new URL('../fixtures/scale.js', import.meta.url);

describe('TensorDataset', () => {
  it('gives tuples or records of rows', () => {
    const x = tensor(Float32Array.of(1, 2, 3, 4), [2, 2]);
    const y = tensor(Int32Array.of(5, 6));
    expect(new TensorDataset(x, y).get(1)).toEqual([
      { dtype: 'float32', shape: [2], data: Float32Array.of(3, 4) },
      { dtype: 'int32', shape: [], data: Int32Array.of(6) },
    ]);
    expect(new TensorDataset({ y }).get(0)).toEqual({
      y: { dtype: 'int32', shape: [], data: Int32Array.of(5) },
    });
  });

  it('changes its fingerprint with its content', () => {
    const of = (...values: number[]) => new TensorDataset(tensor(Float32Array.from(values))).fingerprint();
    expect(of(1, 2)).not.toBe(of(1, 3));
  });

  it('refuses tensors that do not share their first dimension', () => {
    expect(() => new TensorDataset(tensor(new Int8Array(2)), tensor(new Int8Array(3)))).toThrow(ShapeError);
    expect(() => new TensorDataset()).toThrow(ShapeError);
    expect(() => new TensorDataset(tensor(new Int8Array(1), []))).toThrow(/0: \[\]/);
  });
});

describe('Subset', () => {
  it('refuses an index that its parent does not have', () => {
    expect(() => new Subset(range(3), [0, 3])).toThrow(IndexRangeError);
  });
});

describe('ConcatDataset', () => {
  it('finds every sample', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { minLength: 1, maxLength: 6 }), async (lengths) => {
        const parts = lengths.map(
          (length, k) => new ArrayDataset(Array.from({ length }, (_, i) => `${k}.${i}`)),
        );
        expect(await samplesOf(new ConcatDataset(parts))).toEqual(parts.flatMap(({ items }) => items));
      }),
    );
  });

  it('refuses an empty list, and iterable datasets', () => {
    expect(() => new ConcatDataset([])).toThrow(ConfigError);
    expect(() => new ConcatDataset([{ iterate: () => [] } as never])).toThrow(/ChainDataset/);
  });
});

describe('StackDataset', () => {
  it('puts samples side by side', async () => {
    const names = new ArrayDataset(['a', 'b']);
    expect(await new StackDataset(range(2), names).get(1, context)).toEqual([1, 'b']);
    expect(await new StackDataset({ n: range(2), names }).get(0, context)).toEqual({ n: 0, names: 'a' });
  });

  it('refuses datasets of different lengths', () => {
    expect(() => new StackDataset({ a: range(2), b: range(3) })).toThrow(/a: 2, b: 3/);
    expect(() => new StackDataset({})).toThrow(ConfigError);
  });
});

describe('ChainDataset', () => {
  it('refuses map-style datasets', () => {
    expect(() => new ChainDataset([range(2) as never])).toThrow(/ConcatDataset/);
  });
});

describe('TokenWindows', () => {
  it('refuses a dataset that is still being opened', () => {
    const opening = Promise.resolve(tensor(Uint16Array.of(1, 2, 3)));
    expect(() => new TokenWindows(opening as never, { length: 1 })).toThrow(
      /source: must be .*; await its open/,
    );
  });

  it('gives each window and the one a token later', () => {
    const windows = new TokenWindows(tensor(Uint16Array.of(10, 11, 12, 13, 14, 15, 16)), { length: 3 });
    expect(windows.length).toBe(2);
    expect(windows.get(1)).toEqual({
      x: { dtype: 'int32', shape: [3], data: Int32Array.of(13, 14, 15) },
      y: { dtype: 'int32', shape: [3], data: Int32Array.of(14, 15, 16) },
    });
  });

  it.each([
    ['uint8', 'int64'],
    ['int64', 'int32'],
    ['uint64', 'int64'],
  ] as const)('converts %s tokens to %s', (from, to) => {
    const stored = {
      uint8: Uint8Array.of(1, 2, 3),
      int64: BigInt64Array.of(1n, 2n, 3n),
      uint64: BigUint64Array.of(1n, 2n, 3n),
    }[from];
    const { x } = new TokenWindows(tensor(stored as Uint8Array), { length: 2, dtype: to }).get(0);
    expect(x.dtype).toBe(to);
    expect(Array.from(x.data as Int32Array, Number)).toEqual([1, 2]);
  });

  it('covers the stream: as many windows as fit whole', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        (tokens, length, stride) => {
          fc.pre(tokens > length);
          const windows = new TokenWindows(tensor(new Int32Array(tokens)), { length, stride });
          expect((windows.length - 1) * stride + length + 1).toBeLessThanOrEqual(tokens);
          expect(windows.length * stride + length + 1).toBeGreaterThan(tokens);
        },
      ),
    );
  });

  it('refuses a stream that is too short for one window', () => {
    expect(() => new TokenWindows(tensor(new Int32Array(4)), { length: 4 })).toThrow(
      /4 \+ 1 tokens do not fit/,
    );
  });
});
