import { tensor } from 'millrace';
import { toJax } from 'millrace/jax';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';

type Jax = typeof import('@jax-js/jax');
let numpy: Jax['numpy'];

beforeAll(async () => {
  if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator: { userAgent: 'Node' } });
  const jax = await import('@jax-js/jax');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  numpy = jax.numpy;
});

describe('toJax', () => {
  it.each([
    ['float32', tensor(Float32Array.of(1.5, -2, 0, 4)), [1.5, -2, 0, 4]],
    ['int32', tensor(Int32Array.of(-1, 2 ** 31 - 1)), [-1, 2 ** 31 - 1]],
    ['uint32', tensor(Uint32Array.of(0, 2 ** 32 - 1)), [0, 2 ** 32 - 1]],
    ['int32', tensor(Int8Array.of(-128, 127)), [-128, 127]],
    ['int32', tensor(Uint16Array.of(0, 65_535)), [0, 65_535]],
    ['int32', tensor(BigInt64Array.of(-(2n ** 31n), 7n)), [-(2 ** 31), 7]],
    ['bool', tensor(Uint8Array.of(1, 0), [2], 'bool'), [true, false]],
  ] as const)('converts %s with the same values', async (dtype, source, expected) => {
    const array = toJax(numpy, source);
    expect(array.dtype).toBe(dtype);
    expect(await array.jsAsync()).toEqual(expected);
  });

  it('converts float64 if jax-js supports it, and explains why not otherwise', async () => {
    const source = { x: tensor(Float64Array.of(0.1, -2)) };
    if ('Float16Array' in globalThis) {
      expect(await toJax(numpy, source).x.jsAsync()).toEqual([0.1, -2]);
    } else {
      expect(() => toJax(numpy, source)).toThrow(/has no Float16Array \(path x, dtype float64\)/);
    }
  });

  it('keeps names, arrays, strings and shapes', async () => {
    const batch = {
      x: tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
      pair: [tensor(Int32Array.of(1)), tensor(Int32Array.of(7), [])] as const,
      names: ['a', 'b'],
    };
    const arrays = toJax(numpy, batch);
    expectTypeOf(arrays.names).toEqualTypeOf<string[]>();
    expect(await arrays.x.jsAsync()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(await arrays.pair[0].jsAsync()).toEqual([1]);
    expect(arrays.pair[1].shape).toEqual([]);
    expect(arrays.names).toEqual(['a', 'b']);
    arrays.pair[1].dispose();
  });

  it('returns arrays that do not change when the batch memory is reused', async () => {
    const source = tensor(new Float32Array(new SharedArrayBuffer(8)), [2]);
    source.data.set([3, 4]);
    const array = toJax(numpy, source);
    source.data.fill(0);
    expect(await array.jsAsync()).toEqual([3, 4]);
  });

  it('frees arrays that the caller still owns at the end of a block', () => {
    const batch = {
      used: tensor(Float32Array.of(1, 2)),
      kept: tensor(Float32Array.of(3, 4)),
      unused: tensor(Int32Array.of(5, 6)),
    };
    let kept: typeof numpy.Array.prototype | undefined;
    let unused: typeof numpy.Array.prototype | undefined;
    {
      using arrays = toJax(numpy, batch);
      arrays.used.add(1).dispose();
      kept = arrays.kept.ref;
      unused = arrays.unused;
    }
    expect([kept.refCount, unused.refCount]).toEqual([1, 0]);
    kept.dispose();
  });

  it('rejects an integer that does not fit, and names its path', () => {
    const batch = { ids: [tensor(BigInt64Array.of(1n, 2n ** 31n))] };
    expect(() => toJax(numpy, batch)).toThrow(
      expect.objectContaining({
        code: 'ERR_MILLRACE_COLLATE',
        where: { path: 'ids.0', element: 1, dtype: 'int64' },
      }),
    );
  });
});
