import { tensor } from 'millrace';
import { ShapeError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { dtypeOf, dtypes } from '../../dist/core/dtype.js';
import { isTensor, row, shareTensor, zeroTensor } from '../../dist/core/tensor.js';

describe('tensor', () => {
  it('takes dtype and shape from the array, shares its memory, and checks the shape', () => {
    const data = Int16Array.of(1, 2, 3, 4);
    expect(tensor(data)).toEqual({ dtype: 'int16', shape: [4], data });
    expect(tensor(data, [2, 2]).data).toBe(data);
    expect(tensor(new Uint8Array(2), [2], 'bool').dtype).toBe('bool');
    expect(() => tensor(data, [3])).toThrow(ShapeError);
  });

  it('has a row for each place of the first dimension', () => {
    const matrix = tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
    expect(row(matrix, 1)).toEqual({ dtype: 'float32', shape: [2], data: Float32Array.of(3, 4) });
    expect(() => row(matrix, 3)).toThrow(ShapeError);
    expect(() => row(tensor(new Int8Array(1), []), 0)).toThrow(ShapeError);
  });

  it.each(dtypes)('exists in %s', (dtype) => {
    const zero = zeroTensor(dtype, [2, 3]);
    expect(zero.data).toHaveLength(6);
    expect(isTensor(zero)).toBe(true);
    expect(dtypeOf(zero.data)).toBe(dtype === 'bool' ? 'uint8' : dtype);
    const shared = shareTensor(zero);
    expect(shared.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(shareTensor(shared).data).toBe(shared.data);
    expect(shared).toEqual({ ...zero });
  });

  it('is distinguished from other objects', () => {
    for (const other of [null, 3, {}, new Float32Array(1), { dtype: 'float32', shape: [1] }])
      expect(isTensor(other)).toBe(false);
  });
});
