import { ArrayDataset, DataLoader, tensor } from 'millrace';
import { toOnnx } from 'millrace/onnx';
import { Tensor } from 'onnxruntime-common';
import * as ort from 'onnxruntime-web';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { dtypes } from '../../dist/core/dtype.js';
import { zeroTensor } from '../../dist/core/tensor.js';
import { binaryModel } from './onnx-model.js';

describe('toOnnx', () => {
  it.each(dtypes)('keeps %s, elements and shape', (dtype) => {
    const source = zeroTensor(dtype, [2, 3]);
    (source.data as Uint8Array).set(
      Array.from({ length: 6 }, (_, i) => (typeof source.data[0] === 'bigint' ? BigInt(i) : i)) as number[],
    );
    const made = toOnnx(Tensor, source);
    expect([made.type, made.dims, made.location]).toEqual([dtype, [2, 3], 'cpu']);
    expect(made.data).toEqual(source.data);
  });

  it('keeps the structure of the batch and the class of the tensors', () => {
    const batch = {
      x: tensor(new Float32Array(6), [3, 2]),
      pair: [tensor(new Int8Array(3))] as const,
      names: ['a'],
    };
    const made = toOnnx(Tensor, batch);
    expectTypeOf(made.pair[0]).toEqualTypeOf<Tensor>();
    expectTypeOf(made.names).toEqualTypeOf<string[]>();
    expect([made.x.dims, made.pair[0].type, made.names]).toEqual([[3, 2], 'int8', ['a']]);
    expect(made.x).toBeInstanceOf(Tensor);
  });

  it('copies the batch memory, unless copy is false', () => {
    const source = tensor(Float32Array.of(1, 2));
    expect(toOnnx(Tensor, source).data).not.toBe(source.data);
    expect(toOnnx(Tensor, source, { copy: false }).data).toBe(source.data);
  });

  it.each([0, 1])('feeds a session from lent memory without a copy, with %i workers', async (numWorkers) => {
    const samples = Array.from({ length: 12 }, (_, i) => ({ x: i + 0.5, y: 2 * i }));
    const session = await ort.InferenceSession.create(binaryModel('Add', 1, 4));
    const loader = new DataLoader(new ArrayDataset(samples), {
      batchSize: 4,
      numWorkers,
      reuseBuffers: true,
    });
    const sums: number[] = [];
    for await (const batch of loader) {
      const { z } = await session.run(toOnnx(ort.Tensor, batch, { copy: false }));
      sums.push(...(z!.data as Float32Array));
    }
    await loader.close();
    await session.release();
    expect(sums).toEqual(samples.map(({ x, y }) => x + y));
  });

  it('feeds int64 unchanged', async () => {
    const session = await ort.InferenceSession.create(binaryModel('Mul', 7, 2));
    const batch = { x: tensor(BigInt64Array.of(3n, -(2n ** 40n))), y: tensor(BigInt64Array.of(5n, 4n)) };
    const { z } = await session.run(toOnnx(ort.Tensor, batch));
    await session.release();
    expect(z!.data).toEqual(BigInt64Array.of(15n, -(2n ** 42n)));
  });

  it('rejects unknown options', () => {
    expect(() => toOnnx(Tensor, {}, { coppy: true } as never)).toThrow(
      /coppy: unknown option, did you mean copy/,
    );
  });
});
