import { tensor } from 'millrace';
import { toTf } from 'millrace/tfjs';
import { describe, expect, expectTypeOf, it } from 'vitest';

/** Records the arguments of calls to TensorFlow.js. */
const tf = {
  tensor: (elements: Float32Array | Int32Array | Uint8Array, shape: number[], dtype: string) => ({
    elements,
    shape,
    dtype,
  }),
};

describe('toTf', () => {
  it.each([
    ['float32', tensor(Float32Array.of(1.5, -2)), Float32Array.of(1.5, -2)],
    ['float32', tensor(Float64Array.of(0.1, -2)), Float32Array.of(0.1, -2)],
    ['int32', tensor(Int32Array.of(-1, 5)), Int32Array.of(-1, 5)],
    ['int32', tensor(Uint8Array.of(0, 255)), Int32Array.of(0, 255)],
    ['int32', tensor(BigInt64Array.of(-3n, 9n)), Int32Array.of(-3, 9)],
    ['bool', tensor(Uint8Array.of(1, 0), [2], 'bool'), Uint8Array.of(1, 0)],
  ] as const)('converts %s with the same values', (dtype, source, expected) => {
    expect(toTf(tf, source)).toEqual({ dtype, shape: [2], elements: expected });
  });

  it('keeps the structure of the batch and the type of the tensors', () => {
    const batch = {
      x: tensor(new Float32Array(6), [3, 2]),
      nested: { y: tensor(new Int32Array(3)) },
      name: ['a'],
    };
    const tensors = toTf(tf, batch);
    expectTypeOf(tensors.nested.y).toEqualTypeOf<ReturnType<typeof tf.tensor>>();
    expect(tensors.x.shape).toEqual([3, 2]);
    expect(tensors.nested.y.dtype).toBe('int32');
    expect(tensors.name).toEqual(['a']);
  });

  it('never exposes the batch memory', () => {
    for (const source of [
      tensor(new Float32Array(2)),
      tensor(new Int32Array(2)),
      tensor(new Uint8Array(2)),
    ]) {
      expect(toTf(tf, source).elements.buffer).not.toBe(source.data.buffer);
    }
  });

  it('rejects an unsigned integer above the range of int32', () => {
    expect(() => toTf(tf, { n: tensor(Uint32Array.of(2 ** 31)) })).toThrow(
      /TensorFlow.js has no uint32.*path n/,
    );
  });
});
