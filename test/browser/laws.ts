// Runs the laws of a loader on fixed random configurations, in Node.js or in a page, and returns what was delivered.
import fc from 'fast-check';
import {
  ArrayDataset,
  ConcatDataset,
  DataLoader,
  type Dataset,
  MixtureDataset,
  RandomSampler,
  type Sampler,
  type Tensor,
  TensorDataset,
  tensor,
  WeightedRandomSampler,
  workerFunction,
} from 'millrace';
import { CurriculumSampler, DifficultyValues } from 'millrace/curriculum';
import { TokenBudgetSampler, TokenWindows } from 'millrace/tokens';

interface Case {
  readonly kind: string;
  readonly length: number;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly seed: number;
  readonly stop: number;
  readonly reuseBuffers: boolean;
}

const configuration: fc.Arbitrary<Case> = fc.record({
  kind: fc.constantFrom(
    'sequential',
    'shuffled',
    'replacement',
    'weighted',
    'mixture',
    'windows',
    'concat',
    'augmented',
  ),
  length: fc.integer({ min: 1, max: 90 }),
  batchSize: fc.integer({ min: 1, max: 9 }),
  dropLast: fc.boolean(),
  seed: fc.nat(1000),
  stop: fc.nat(100),
  reuseBuffers: fc.boolean(),
});

/** Configurations, the same on every platform. A loader that would drop its only batch is refused, so none does. */
function casesOf(count: number): Case[] {
  return fc
    .sample(configuration, { numRuns: count, seed: 9 })
    .map((one) => ({ ...one, dropLast: one.dropLast && one.length >= one.batchSize }));
}

type Options = Readonly<Record<string, unknown>>;

function numbers(length: number): TensorDataset<{ x: Tensor<'float32'>; y: Tensor<'int32'> }> {
  return new TensorDataset({
    x: tensor(
      Float32Array.from({ length: 3 * length }, (_, i) => i / 7),
      [length, 3],
    ),
    y: tensor(Int32Array.from({ length }, (_, i) => i * i)),
  });
}

/** Creates the dataset and options of a case. */
function ingredients(one: Case, fixtures: string): { dataset: Dataset<unknown>; options: Options } {
  const { kind, length, batchSize, dropLast, seed } = one;
  const plain = { batchSize, dropLast, seed };
  const sampled = (sampler: Sampler) => ({ batchSize, dropLast, sampler });
  const dataset = numbers(length);
  switch (kind) {
    case 'shuffled':
      return { dataset, options: { ...plain, shuffle: true } };
    case 'replacement':
      return {
        dataset,
        options: sampled(new RandomSampler(dataset, { replacement: true, numSamples: 50, seed })),
      };
    case 'weighted': {
      const weights = Array.from({ length }, (_, k) => 1 + (k % 5));
      return { dataset, options: sampled(new WeightedRandomSampler(weights, { numSamples: 40, seed })) };
    }
    case 'mixture': {
      const sources = [numbers(length), numbers(7)];
      return { dataset: new MixtureDataset(sources, { weights: [3, 1], length: 60, seed }), options: plain };
    }
    case 'windows': {
      const tokens = Uint16Array.from({ length: 8 * length + 9 }, (_, i) => (i * 31) % 1000);
      return {
        dataset: new TokenWindows(tensor(tokens), { length: 8 }),
        options: { ...plain, shuffle: true },
      };
    }
    case 'concat':
      return {
        dataset: new ConcatDataset<unknown>([numbers(length), numbers(5)]),
        options: { ...plain, shuffle: true },
      };
    case 'augmented':
      return {
        dataset: new ArrayDataset(Array.from({ length }, (_, k) => k)),
        options: { ...plain, shuffle: true, transform: workerFunction(new URL('jitter.js', fixtures)) },
      };
    default:
      return { dataset, options: plain };
  }
}

/** FNV-1a over the elements of all tensors, and over everything else as text: strong enough to detect mistakes. */
class Digest {
  #state = 0xcbf29ce484222325n;

  add(value: unknown): this {
    if (ArrayBuffer.isView(value)) {
      for (const byte of new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) this.#byte(byte);
    } else if (typeof value === 'object' && value !== null)
      for (const [key, entry] of Object.entries(value)) this.add(key).add(entry);
    else for (const character of String(value)) this.#byte(character.charCodeAt(0));
    return this;
  }

  #byte(byte: number): void {
    this.#state = BigInt.asUintN(64, (this.#state ^ BigInt(byte)) * 0x100000001b3n);
  }

  toString(): string {
    return this.#state.toString(16);
  }
}

function digestOf(batch: unknown): string {
  return new Digest().add(batch).toString();
}

async function take(loader: DataLoader<unknown>, most = Number.POSITIVE_INFINITY): Promise<string[]> {
  const digests: string[] = [];
  if (most === 0) return digests;
  for await (const batch of loader) if (digests.push(digestOf(batch)) === most) break;
  return digests;
}

function expectSame(law: string, one: Case, actual: readonly string[], expected: readonly string[]): void {
  if (actual.join() === expected.join()) return;
  throw new Error(
    `${law} does not hold for ${JSON.stringify(one)}: ${actual.join(' ')} instead of ${expected.join(' ')}`,
  );
}

/**
 * Checks order, seek and state on every configuration, without workers and with some.
 *
 * @param fixtures - URL of the folder of datasets and functions that workers import.
 * @param count - Number of configurations.
 * @returns One line per configuration: what its first two epochs deliver, and the receipt
 */
export async function runLaws(fixtures: string, count: number): Promise<string[]> {
  const lines: string[] = [];
  for (const one of casesOf(count)) {
    const load = (more: Options = {}) => {
      const { dataset, options } = ingredients(one, fixtures);
      return new DataLoader<unknown>(dataset, { ...options, ...more } as object);
    };
    const plain = load();
    const first = await take(plain);
    const second = await take(plain);
    const receipt = plain.receipt().digest;

    const workers = { numWorkers: 2, prefetchFactor: 2, reuseBuffers: one.reuseBuffers };
    const worked = load(workers);
    expectSame('order', one, [...(await take(worked)), ...(await take(worked))], [...first, ...second]);
    expectSame('order (receipt)', one, [worked.receipt().digest], [receipt]);

    const at = one.stop % (first.length + 1);
    worked.seek({ epoch: 0, step: at });
    expectSame('seek', one, await take(worked), first.slice(at));

    worked.seek({ epoch: 0, step: 0 });
    expectSame('state (before)', one, await take(worked, at), first.slice(0, at));
    const state = JSON.parse(JSON.stringify(worked.stateDict()));
    await worked.close();
    const resumed = load();
    resumed.loadStateDict(state);
    const rest = resumed.epoch === 0 ? first.slice(at) : second;
    expectSame('state', one, await take(resumed), rest);
    lines.push(`${one.kind} ${first.length} ${new Digest().add([first, second])} ${receipt}`);
  }
  return [...lines, ...ordersWithoutData()];
}

/** Computed orders, which exercise the arithmetic of a curriculum and a token budget. */
function ordersWithoutData(): string[] {
  const n = 500;
  const lengths = Int32Array.from({ length: n }, (_, i) => 1 + ((i * 7919) % 97));
  const schedule = {
    schedule: { type: 'root' as const, totalSteps: 40, difficultyStep: 4, rootDegree: 2 },
  };
  const curriculum = new CurriculumSampler(n, {
    batchSize: 16,
    seed: 3,
    stepsPerEpoch: 60,
    metrics: {
      length: { index: new DifficultyValues(lengths), minDifficulty: 8, maxDifficulty: 97, ...schedule },
    },
  });
  const budget = new TokenBudgetSampler(n, { lengths, maxTokens: 256, seed: 5, shuffle: true });
  return [`curriculum ${digestOf([...curriculum])}`, `budget ${digestOf([...budget])}`];
}
