import fc from 'fast-check';
import {
  ArrayDataset,
  DataLoader,
  type DType,
  defaultCollate,
  padCollate,
  type Tensor,
  tensor,
} from 'millrace';
import { torchCollate } from 'millrace/deepspeed';
import { CollateError, ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { zeroTensor } from '../../dist/core/tensor.js';

describe('defaultCollate', () => {
  it('maps JavaScript values to tensors by the documented rule', () => {
    const samples = [
      { n: 1, big: 5n, flag: true, name: 'a', bytes: Uint8Array.of(1, 2), nested: [1, { deep: 2 }] },
      { n: 2, big: -6n, flag: false, name: 'b', bytes: Uint8Array.of(3, 4), nested: [3, { deep: 4 }] },
    ];
    expect(defaultCollate(samples)).toEqual({
      n: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) },
      big: { dtype: 'int64', shape: [2], data: BigInt64Array.of(5n, -6n) },
      flag: { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
      name: ['a', 'b'],
      bytes: { dtype: 'uint8', shape: [2, 2], data: Uint8Array.of(1, 2, 3, 4) },
      nested: [
        { dtype: 'float32', shape: [2], data: Float32Array.of(1, 3) },
        { deep: { dtype: 'float32', shape: [2], data: Float32Array.of(2, 4) } },
      ],
    });
  });

  it.each(['float64', 'int8', 'int32', 'int64', 'uint64'] as const)(
    'makes numbers %s with numberDtype',
    (dtype) => {
      const { data, ...rest } = defaultCollate([1, 2], { numberDtype: dtype });
      expect(rest).toEqual({ dtype, shape: [2] });
      expect(Array.from(data as Int32Array, Number)).toEqual([1, 2]);
    },
  );

  it('stacks tensors along a new first dimension', () => {
    const samples = [1, 2, 3].map((k) => tensor(Int16Array.of(k, k * k, 0, 7, k, 1), [2, 3]));
    expect(defaultCollate(samples)).toEqual({
      dtype: 'int16',
      shape: [3, 2, 3],
      data: Int16Array.from(samples.flatMap(({ data }) => [...data])),
    });
    expect(defaultCollate([tensor(Int32Array.of(4), [])]).shape).toEqual([1]);
  });

  it.each([
    ['null', [{ a: { b: null } }], 'Field a.b of sample 0 is null'],
    ['undefined', [{ a: undefined }], 'Field a of sample 0 is undefined'],
    ['a function', [[() => 0]], 'Field [0] of sample 0 is function'],
    ['a Map', [new Map()], 'The value of sample 0 is Map'],
    ['another kind', [{ a: 1 }, { a: 'x' }], 'Field a of sample 1 is a string, of sample 0 a number'],
    ['a null in the second', [{ a: 1 }, { a: null }], 'Field a of sample 1 is null'],
    ['another shape', [new Float32Array(2), new Float32Array(3)], 'has the shape [3], of sample 0 [2]'],
    ['another dtype', [new Float32Array(2), new Int32Array(2)], 'has the dtype int32'],
    ['a missing field', [{ a: 1, b: 2 }, { a: 1 }], 'has the fields a, of sample 0 a, b'],
    ['a further field', [{ a: 1 }, { a: 1, b: 2 }], 'has the fields a, b'],
    ['another length', [[1, 2], [1]], 'has 1 entries, of sample 0 2'],
  ])('refuses %s, naming path and sample', (_, samples, message) => {
    const collate = () => defaultCollate(samples as unknown[]);
    expect(collate).toThrow(CollateError);
    expect(collate).toThrow(message);
  });

  it('refuses an empty batch, a fraction for int64, and an unknown dtype', () => {
    expect(() => defaultCollate([])).toThrow(CollateError);
    expect(() => defaultCollate([1.5], { numberDtype: 'int64' })).toThrow(/1\.5.*int64/);
    expect(() => defaultCollate([1], { numberDtype: 'float16' as 'float32' })).toThrow(ConfigError);
    expect(() => defaultCollate([1, 300], { numberDtype: 'uint8' })).toThrow(/sample 1 is 300.*uint8/);
    expect(() => defaultCollate([2n ** 63n])).toThrow(/9223372036854775808.*int64/);
    expect(() => defaultCollate([1], { parity: true, relese: '1.13' } as object)).toThrow(
      /relese.*did you mean release/,
    );
  });

  it('keeps strings and bytes as they are, in a list', () => {
    const bytes = [Uint8Array.of(1, 2).buffer, Uint8Array.of(3).buffer];
    expect(defaultCollate(bytes)).toEqual(bytes);
    expect(defaultCollate([{ name: 'a' }, { name: 'b' }])).toEqual({ name: ['a', 'b'] });
  });
});

describe('defaultCollate with parity', () => {
  // torch.stack of two tensors, torch 2.13
  it.each([
    ['float32', 'float64', 'float64'],
    ['float32', 'int64', 'float32'],
    ['bool', 'uint8', 'uint8'],
    ['uint8', 'int8', 'int16'],
    ['uint8', 'int16', 'int16'],
    ['int32', 'int64', 'int64'],
    ['bool', 'float64', 'float64'],
  ] as const)('promotes %s and %s to %s', (a, b, promoted) => {
    const one = (dtype: DType): Tensor => ({ dtype, shape: [1], data: zeroTensor(dtype, [1]).data });
    for (const samples of [
      [one(a), one(b)],
      [one(b), one(a)],
    ]) {
      expect(defaultCollate<Tensor>(samples, { parity: true }).dtype).toBe(promoted);
    }
  });

  it('has the dtypes of Python numbers: int64 for whole ones, float64 for others, float32 for floats after ints', () => {
    const dtypeOf = (samples: readonly (number | bigint | boolean)[], numberDtype?: 'float64') =>
      (defaultCollate(samples, { parity: true, ...(numberDtype && { numberDtype }) }) as Tensor).dtype;
    expect(dtypeOf([1, 2])).toBe('int64');
    expect(dtypeOf([1, 2.5])).toBe('float64');
    expect(dtypeOf([1e300, 1])).toBe('float64');
    expect(dtypeOf([1, 2], 'float64')).toBe('float64');
    expect(dtypeOf([1n, 2.5])).toBe('float32');
    expect(dtypeOf([1n, 2], 'float64')).toBe('float32');
    expect(dtypeOf([true, 3n])).toBe('int64');
    expect(dtypeOf([true, false])).toBe('bool');
    expect(defaultCollate<unknown>([true, 3n], { parity: true })).toMatchObject({
      data: BigInt64Array.of(1n, 3n),
    });
  });

  it('knows the unsigned dtypes from PyTorch 2.13 on', () => {
    const samples = [Uint16Array.of(1), Uint16Array.of(2)];
    expect(() => defaultCollate(samples, { parity: true, release: '1.13' })).toThrow(
      /uint16, a dtype that PyTorch 1.13 lacks/,
    );
    expect(defaultCollate(samples, { parity: true }).dtype).toBe('uint16');
  });

  it.each([0, 2])('makes the batches of a loader with %d workers by torchCollate', async (numWorkers) => {
    const dataset = new ArrayDataset([
      { n: 1, x: 0.5 },
      { n: 2, x: 1.5 },
      { n: 3, x: 2.5 },
    ]);
    await using loader = new DataLoader(dataset, { batchSize: 2, numWorkers, collate: torchCollate() });
    const dtypes: string[][] = [];
    for await (const { n, x } of loader) dtypes.push([n.dtype, x.dtype]);
    expect(dtypes).toEqual([
      ['int64', 'float64'],
      ['int64', 'float64'],
    ]);
  });
});

describe('padCollate', () => {
  it('pads to the longest of the batch, rounded up', () => {
    const samples = [
      { ids: Int32Array.of(1, 2, 3), n: 3 },
      { ids: Int32Array.of(4), n: 1 },
    ];
    expect(padCollate({ padValue: -1, multipleOf: 4 })(samples)).toEqual({
      ids: { dtype: 'int32', shape: [2, 4], data: Int32Array.of(1, 2, 3, -1, 4, -1, -1, -1) },
      n: { dtype: 'float32', shape: [2], data: Float32Array.of(3, 1) },
    });
  });

  it('keeps every element at its position, in any number of dimensions', () => {
    const matrix = fc.tuple(fc.nat(4), fc.nat(4)).map(([rows, columns]) =>
      tensor(
        Float32Array.from({ length: rows * columns }, (_, i) => i + 1),
        [rows, columns],
      ),
    );
    fc.assert(
      fc.property(
        fc.array(matrix, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 3 }),
        (samples, multipleOf) => {
          const { shape, data } = padCollate({ padValue: -1, multipleOf })(samples);
          const [count, rows, columns] = shape as [number, number, number];
          expect(count).toBe(samples.length);
          expect(rows % multipleOf).toBe(0);
          for (const [k, sample] of samples.entries()) {
            const [ownRows, ownColumns] = sample.shape as [number, number];
            for (let r = 0; r < rows; r++) {
              for (let c = 0; c < columns; c++) {
                const inside = r < ownRows && c < ownColumns;
                expect(data[(k * rows + r) * columns + c]).toBe(
                  inside ? sample.data[r * ownColumns + c] : -1,
                );
              }
            }
          }
        },
      ),
    );
  });

  it('pads 64-bit integers', () => {
    expect(padCollate()([BigInt64Array.of(1n, 2n), BigInt64Array.of(3n)]).data).toEqual(
      BigInt64Array.of(1n, 2n, 3n, 0n),
    );
    expect(padCollate()([new BigInt64Array(0)]).shape).toEqual([1, 0]);
  });

  it('pads each field with its own value, at any depth, and refuses one for a field that is not there', () => {
    const samples = [[1, 2, 3], [4]].map((ids) => {
      const inputIds = Int32Array.from(ids);
      return { pair: { inputIds, labels: inputIds }, mask: inputIds };
    });
    const { pair, mask } = padCollate({ padValue: { inputIds: 9, labels: -100 } })(samples);
    expect([...pair.inputIds.data]).toEqual([1, 2, 3, 4, 9, 9]);
    expect([...pair.labels.data]).toEqual([1, 2, 3, 4, -100, -100]);
    expect([...mask.data]).toEqual([1, 2, 3, 4, 0, 0]);
    expect(() => padCollate({ padValue: { label: -100 } })(samples)).toThrow(
      /padValue names label, which is/,
    );
    expect(() => padCollate({ padValue: { labels: '1' } } as object)).toThrow(
      /padValue.*a number for each field/,
    );
  });

  it('pads before the samples on request, in every dimension', () => {
    const left = padCollate({ padValue: 9, side: 'left', multipleOf: 2 });
    expect([...left([Int32Array.of(1, 2, 3), Int32Array.of(4)]).data]).toEqual([9, 1, 2, 3, 9, 9, 9, 4]);
    const tall = tensor(Float32Array.of(1, 2), [2, 1]);
    const wide = tensor(Float32Array.of(3, 4), [1, 2]);
    expect([...left([tall, wide]).data]).toEqual([9, 1, 9, 2, 9, 9, 3, 4]);
  });

  it('refuses different numbers of dimensions and unknown options', () => {
    expect(() => padCollate()([tensor(new Float32Array(4), [2, 2]), tensor(new Float32Array(4))])).toThrow(
      CollateError,
    );
    expect(() => padCollate({ padvalue: 1 } as object)).toThrow(/padvalue.*did you mean padValue/);
  });
});
