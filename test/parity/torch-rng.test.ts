import { defaultGenerator, manualSeed, TorchGenerator } from 'millrace/random';
import { expect } from 'vitest';
import { sha256, sha256OfInt64 } from './digest.js';
import { checkByKind, testEveryCase, torchRelease, type Versions } from './golden-file.js';

/** One draw, as the file describes it. */
interface Draw {
  readonly n?: number;
  readonly low?: string;
  readonly high?: string;
  readonly size?: number;
  readonly dtype?: 'float32' | 'float64';
  readonly weights?: number[];
  readonly num_samples?: number;
  readonly replacement?: boolean;
}

interface Case extends Draw {
  readonly kind: string;
  readonly seed: string;
  readonly values?: (number | string)[];
  readonly head?: number[];
  readonly tail?: number[];
  readonly sha256?: string;
  readonly next?: number[];
  readonly ops?: (Draw & { readonly op: string })[];
  readonly results?: (number | string)[][];
  readonly random_?: string;
  readonly randperm_10_after?: number[];
  readonly initial_seed?: string;
  readonly state_bytes?: number;
  readonly sha256_fresh?: string;
  readonly draws_32bit?: number;
  readonly sha256_after?: string;
}

const draws: Record<string, (generator: TorchGenerator, draw: Draw) => (number | string)[]> = {
  randperm: (generator, { n }) => [...generator.randperm(n!)],
  randint: (generator, { low, high, size }) =>
    Array.from(generator.randint(BigInt(low!), BigInt(high!), size!), String),
  rand: (generator, { size, dtype }) => [...generator.rand(size!, { dtype: dtype! })],
  random_: (generator, { size }) => Array.from({ length: size! }, () => String(generator.randomInt64())),
  multinomial: (generator, { weights, dtype, num_samples, replacement }) => {
    const exact = dtype === 'float32' ? Float32Array.from(weights!) : weights!;
    return [...generator.multinomial(exact, num_samples!, { replacement: replacement! })];
  },
};

function generatorOf({ seed }: Case, versions: Versions): TorchGenerator {
  return new TorchGenerator(BigInt(seed), { release: torchRelease(versions) });
}

function expectNext(generator: TorchGenerator, { next }: Case): void {
  expect([...generator.randint(0, 2 ** 31, [3])], 'the draws after').toEqual(next);
}

function checkDraw(golden: Case, versions: Versions): void {
  const generator = generatorOf(golden, versions);
  const values = draws[golden.kind]!(generator, { size: golden.values?.length ?? 0, ...golden });
  if (golden.values) expect(values).toEqual(golden.values);
  if (golden.head) expect([values.slice(0, 50), values.slice(-50)]).toEqual([golden.head, golden.tail]);
  if (golden.sha256) expect(sha256OfInt64(values as number[])).toBe(golden.sha256);
  expectNext(generator, golden);
}

testEveryCase<Case>(
  'torch_rng.json',
  188,
  checkByKind({
    ...Object.fromEntries(Object.keys(draws).map((kind) => [kind, checkDraw])),
    sequence(golden, versions) {
      const generator = generatorOf(golden, versions);
      for (const [i, { op, ...draw }] of golden.ops!.entries()) {
        expect(draws[op]!(generator, draw), `draw ${i}`).toEqual(golden.results![i]);
      }
      expectNext(generator, golden);
    },
    default_generator(golden) {
      manualSeed(BigInt(golden.seed));
      expect(String(defaultGenerator.randomInt64())).toBe(golden.random_);
      expect([...defaultGenerator.randperm(10)]).toEqual(golden.randperm_10_after);
      expect(String(defaultGenerator.initialSeed)).toBe(golden.initial_seed);
    },
    get_state(golden, versions) {
      const generator = generatorOf(golden, versions);
      expect(generator.getState()).toHaveLength(golden.state_bytes!);
      expect(sha256(generator.getState())).toBe(golden.sha256_fresh);
      generator.randint(0, 100, golden.draws_32bit!);
      expect(sha256(generator.getState())).toBe(golden.sha256_after);
    },
  }),
);
