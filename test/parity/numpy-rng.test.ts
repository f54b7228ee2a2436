import { NumpyGenerator, PythonRandom, SeedSequence } from 'millrace/random';
import { expect } from 'vitest';
import { splitIndex } from '../../dist/analysis/split-index.js';
import type { NumpyIntegerDType } from '../../dist/random/numpy-integers.js';
import { sha256, sha256OfInt64 } from './digest.js';
import { type CheckCase, checkByKind, testEveryCase } from './golden-file.js';

interface Draw {
  readonly n?: number;
  readonly low?: string | number;
  readonly high?: string | number;
  readonly size?: number;
  readonly dtype?: string;
  readonly endpoint?: boolean;
  readonly replace?: boolean;
  readonly p?: number[] | null;
}

interface Case extends Draw {
  readonly kind: string;
  readonly seed: string;
  readonly sha256?: string;
  readonly values?: (number | string)[];
  readonly next?: string[];
  readonly ops?: (Draw & { readonly op: string })[];
  readonly results?: (number | string)[][];
  readonly generate_state_u32?: string[];
  readonly generate_state_u64?: string[];
  readonly pcg64_state?: string;
  readonly pcg64_inc?: string;
  readonly raw_u64?: string[];
  readonly next_random?: number[];
  readonly random?: number[];
  readonly getrandbits_32?: number[];
  readonly randrange_1000?: number[];
  readonly start?: number;
  readonly end?: number;
  readonly num?: number;
}

const numberArrays = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
};

function countingArray(dtype: string, n: number) {
  if (dtype === 'int64') return BigInt64Array.from({ length: n }, (_, i) => BigInt(i));
  if (dtype === 'uint64') return BigUint64Array.from({ length: n }, (_, i) => BigInt(i));
  return new numberArrays[dtype as keyof typeof numberArrays](n).map((_: number, i: number) => i);
}

function shuffledArray(generator: NumpyGenerator, { dtype, n }: Draw) {
  const array = countingArray(dtype!, n!);
  generator.shuffle<number | bigint>(array);
  return array;
}

function shuffledList(generator: { shuffle(list: number[]): void }, { n }: Draw): number[] {
  const list = Array.from({ length: n! }, (_, i) => i);
  generator.shuffle(list);
  return list;
}

const choose = (generator: NumpyGenerator, { n, size, replace, p }: Draw) =>
  generator.choice(n!, size!, { replace: replace!, ...(p && { p }) });

const integers = (generator: NumpyGenerator, { low, high, size, dtype, endpoint = false }: Draw) =>
  Array.from(
    generator.integers(BigInt(low!), BigInt(high!), size!, { dtype: dtype as NumpyIntegerDType, endpoint }),
    String,
  );

const random = (generator: NumpyGenerator, { size, dtype = 'float64' }: Draw) => [
  ...generator.random(size!, { dtype: dtype as 'float32' }),
];

const draws: Record<string, (generator: NumpyGenerator, draw: Draw) => (number | string)[]> = {
  shuffle_array: (generator, draw) => Array.from(shuffledArray(generator, draw), Number),
  shuffle_list: shuffledList,
  permutation: (generator, { n }) => [...generator.permutation(n!)],
  choice: (generator, draw) => [...choose(generator, draw)],
  integers,
  random,
};

/** Makes a generator, draws, and checks what it draws next. */
function drawing(check: (generator: NumpyGenerator, golden: Case) => void): CheckCase<Case> {
  return (golden) => {
    const generator = new NumpyGenerator(BigInt(golden.seed));
    check(generator, golden);
    const next = Array.from(generator.integers(0n, 2n ** 63n, 3, { dtype: 'uint64' }), String);
    expect(next, 'the draws after').toEqual(golden.next);
  };
}

testEveryCase<Case>(
  'numpy_rng.json',
  300,
  checkByKind({
    seeding(golden) {
      const words = [...new SeedSequence(BigInt(golden.seed)).generateState(8)];
      expect(words.map(String)).toEqual(golden.generate_state_u32);
      const pairs = [0, 2, 4, 6].map((i) => (BigInt(words[i + 1]!) << 32n) | BigInt(words[i]!));
      expect(pairs.map(String)).toEqual(golden.generate_state_u64);
      const generator = new NumpyGenerator(BigInt(golden.seed));
      const { state, inc } = generator.getState().state;
      expect({ state, inc }).toEqual({ state: golden.pcg64_state, inc: golden.pcg64_inc });
      expect(golden.raw_u64!.map(() => String(generator.raw()))).toEqual(golden.raw_u64);
    },
    shuffle_array: drawing((generator, golden) => {
      const { buffer } = shuffledArray(generator, golden);
      expect(sha256(new Uint8Array(buffer))).toBe(golden.sha256);
    }),
    shuffle_list: drawing((generator, golden) => {
      expect(sha256OfInt64(shuffledList(generator, golden))).toBe(golden.sha256);
    }),
    permutation: drawing((generator, golden) => {
      expect(sha256OfInt64(generator.permutation(golden.n!))).toBe(golden.sha256);
    }),
    choice: drawing((generator, golden) => {
      expect(sha256OfInt64(choose(generator, golden))).toBe(golden.sha256);
    }),
    integers: drawing((generator, golden) => {
      expect(integers(generator, golden)).toEqual(golden.values);
    }),
    random: drawing((generator, golden) => {
      expect(random(generator, golden)).toEqual(golden.values);
    }),
    sequence: drawing((generator, golden) => {
      for (const [i, { op, ...draw }] of golden.ops!.entries()) {
        expect(draws[op]!(generator, draw), `draw ${i}`).toEqual(golden.results![i]);
      }
    }),
    python_shuffle({ seed, n, sha256: recorded, next_random }) {
      const generator = new PythonRandom(BigInt(seed));
      expect(sha256OfInt64(shuffledList(generator, { n: n! }))).toBe(recorded);
      expect(next_random!.map(() => generator.random())).toEqual(next_random);
    },
    python_random({ seed, random: recorded, getrandbits_32, randrange_1000 }) {
      const generator = new PythonRandom(BigInt(seed));
      expect(recorded!.map(() => generator.random())).toEqual(recorded);
      expect(getrandbits_32!.map(() => generator.getrandbits(32))).toEqual(getrandbits_32);
      expect(randrange_1000!.map(() => generator.randrange(1000))).toEqual(randrange_1000);
    },
    linspace_int({ start, end, num, values }) {
      expect([start, ...splitIndex(start!, end!, num! - 1).map(([, bound]) => bound)]).toEqual(values);
    },
  }),
);
