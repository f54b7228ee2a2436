// No number changes silently: an element is what was given, or there is an error.
import fc from 'fast-check';
import {
  DataLoader,
  type DType,
  defaultCollate,
  padCollate,
  type Tensor,
  TensorDataset,
  tensor,
} from 'millrace';
import { CollateError, ConfigError, ShapeError } from 'millrace/errors';
import { sampleContext } from 'millrace/random';
import { PackedDataset, packCollate, TokenWindows } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { holds, holdsAll } from '../../dist/core/exact-elements.js';

const arrays: { readonly [D in DType]?: new (length: number) => { [k: number]: number | bigint } } = {
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
};
const dtypes = Object.keys(arrays) as DType[];

/** Numbers near the limits of the dtypes. */
const value = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc
    .tuple(
      fc.constantFrom(7, 8, 15, 16, 24, 31, 32, 53),
      fc.integer({ min: -2, max: 2 }),
      fc.constantFrom(1, -1),
    )
    .map(([bits, off, sign]) => sign * (2 ** bits + off)),
  fc.double(),
);

function stored(dtype: DType, given: number): number | bigint {
  const element = new arrays[dtype]!(1);
  element[0] = dtype.endsWith('int64') || dtype === 'uint64' ? BigInt(given) : given;
  return element[0]!;
}

describe('holds', () => {
  it('is true for whole numbers exactly where the typed array gives them back', () => {
    fc.assert(
      fc.property(fc.constantFrom(...dtypes), value, (dtype, given) => {
        if (!Number.isSafeInteger(given)) return;
        expect(holds(dtype, given)).toBe(Number(stored(dtype, given)) === given);
        expect(holds(dtype, BigInt(given))).toBe(holds(dtype, given));
      }),
      { numRuns: 2000 },
    );
  });

  it('lets floats round fractions only, and never become infinite', () => {
    expect(['float32', 'float64'].map((dtype) => holds(dtype as DType, 0.1))).toEqual([true, true]);
    expect(holds('float32', Number.NaN) && holds('float32', Number.POSITIVE_INFINITY)).toBe(true);
    expect(holds('float32', 1e300)).toBe(false);
    expect(holds('float64', 2n ** 53n + 1n)).toBe(false);
    for (const wrong of [0.5, Number.NaN, 2 ** 53, -1]) expect(holds('uint64', wrong)).toBe(false);
  });

  it('agrees with holdsAll at the ends of each dtype', () => {
    expect(holdsAll('int32', 'uint16')).toBe(true);
    expect(holdsAll('float32', 'uint16')).toBe(true);
    expect(holdsAll('float32', 'int32')).toBe(false);
    expect(holdsAll('float64', 'uint32')).toBe(true);
    expect(holdsAll('int32', 'uint32')).toBe(false);
    expect(holdsAll('bool', 'uint8')).toBe(false);
  });
});

describe('a batch of numbers', () => {
  it('holds what was given, rounded only where it has a fraction, or names the field and what to write', () => {
    const numbers = fc.array(value, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...dtypes), numbers, (numberDtype, given) => {
        const collate = () =>
          defaultCollate(
            given.map((x) => ({ x })),
            { numberDtype },
          ).x;
        if (!given.every((x) => holds(numberDtype, x))) {
          expect(collate).toThrow(CollateError);
          return;
        }
        const { data } = collate();
        given.forEach((x, i) => {
          if (Number.isSafeInteger(x)) expect(Number(data[i])).toBe(Object.is(x, -0) ? Number(data[i]) : x);
        });
      }),
      { numRuns: 1000 },
    );
    expect(() => defaultCollate([{ id: 1 }, { id: 20240117001 }])).toThrow(
      /Field id of sample 1 is 20240117001, which float32 cannot hold.*numberDtype: 'int64' or 'float64'/s,
    );
    expect(Number(defaultCollate([20240117001], { numberDtype: 'int64' }).data[0])).toBe(20240117001);
  });
});

describe('padding', () => {
  it.each([
    ['uint16', Uint16Array, -100],
    ['uint8', Uint8Array, 256],
    ['int32', Int32Array, 0.5],
    ['int64', BigInt64Array, 0.5],
    ['float32', Float32Array, 2 ** 24 + 1],
  ] as const)('of %s has a value that it holds', (_, Elements, padValue) => {
    const pad = padCollate({ padValue });
    expect(() => pad([new Elements(3), new Elements(1)] as never)).toThrow(CollateError);
    // Where nothing is padded, the value is of no matter.
    expect(pad([new Elements(3), new Elements(3)] as never)).toMatchObject({ shape: [2, 3] });
  });

  it.each(['float33', 'bool', 3])('knows its numberDtype: not %s', (numberDtype) => {
    expect(() => padCollate({ numberDtype: numberDtype as never })).toThrow(ConfigError);
  });
});

describe('token ids', () => {
  const wrong = [0.5, 2 ** 31, -(2 ** 31) - 1, Number.NaN];
  it.each(wrong)('that int32 cannot hold are refused everywhere: %s', async (token) => {
    expect(() => packCollate([[1, token]])).toThrow(CollateError);
    expect(() => padCollate()([[1, token]].map((row) => tensor(Float64Array.from(row))))).not.toThrow();
    const documents = { length: 1, get: () => [1, token] };
    const packed = new PackedDataset(documents, { rowLength: 4, lengths: [2] });
    expect(() => packed.get(0, sampleContext(0))).toThrow(/token.*int32/i);
    expect(() => new PackedDataset(documents, { rowLength: 4, lengths: [2], padToken: token })).toThrow(
      ConfigError,
    );
    const windows = new TokenWindows(tensor(Float64Array.of(1, token, 2)), { length: 2 });
    expect(() => windows.get(0)).toThrow(CollateError);
  });

  it('are refused where a window is narrower than the file', () => {
    const windows = new TokenWindows(tensor(Int32Array.of(1, 70_000, 2)), { length: 2, dtype: 'uint16' });
    expect(() => windows.get(0)).toThrow(/token 70000 is not a number that uint16 can hold/);
  });
});

describe('tensors that are not what they say', () => {
  const data = Float32Array.of(1, 2);
  const wrong: [string, object][] = [
    ['2 elements, and the shape [5] needs 5', { dtype: 'float32', shape: [5], data }],
    ['whole numbers of 0 or more', { dtype: 'float32', shape: [-2, -1], data }],
    ['whole numbers of 0 or more', { dtype: 'float32', shape: [1.5], data }],
    ['needs 1099511627776', { dtype: 'float32', shape: [2 ** 40], data }],
    ["the unknown dtype 'float33'", { dtype: 'float33', shape: [2], data }],
    ['its data is float32', { dtype: 'int32', shape: [2], data }],
    ['not an array of numbers', { dtype: 'float32', shape: 2, data }],
  ];

  it.each(wrong)('are refused: %s', async (message, given) => {
    const run = async (dataset: object) => {
      for await (const _ of new DataLoader<unknown>(dataset as never, { batchSize: 2 }));
    };
    const get = () => ({ x: given as Tensor });
    await expect(run({ length: 2, get })).rejects.toThrow(message);
    await expect(run({ length: 2, get, getBatch: get })).rejects.toThrow(message);
    expect(() => padCollate()([given, given] as never)).toThrow(CollateError);
  });

  it('are refused by TensorDataset, which names the column', () => {
    const x = { dtype: 'float32', shape: [3, 2], data } as never;
    expect(() => new TensorDataset({ x })).toThrow(ShapeError);
    expect(() => new TensorDataset({ x })).toThrow(/tensor x .* needs 6/);
  });
});
