// Law 4: random numbers depend on seed, epoch, position in the order and index, and on nothing else.
import fc from 'fast-check';
import {
  ArrayDataset,
  DataLoader,
  type Dataset,
  DistributedSampler,
  MapDataset,
  MixtureDataset,
  RandomSampler,
  type SampleContext,
  StackDataset,
  Subset,
  WeightedRandomSampler,
  workerDataset,
} from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { PackedDataset, TokenBudgetSampler } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { batchesOf } from './collect.js';

const kinds = ['plain', 'map', 'stack', 'mixture', 'packed'] as const;
const fixture = new URL('../fixtures/draws.js', import.meta.url);
const draws = (await import(fixture.href)).default as (options: {
  kind: string;
  slow?: number;
}) => Dataset<unknown>;

/** A batch sample by sample, so that ranks and batches can be joined. */
function samplesOf(batch: unknown): string[] {
  const rows: string[] = [];
  const add = (value: unknown, path: string) => {
    const { data, shape } = value as { data?: ArrayLike<number>; shape?: number[] };
    if (data && shape) {
      const width = data.length / shape[0]!;
      for (let row = 0; row < shape[0]!; row++)
        rows[row] =
          `${rows[row] ?? ''} ${path}:${Array.from({ length: width }, (_, k) => data[row * width + k])}`;
    } else {
      // Document boundaries count over the whole batch.
      const { cuSeqlens: _, maxSeqlen: __, ...fields } = value as Record<string, unknown>;
      for (const [name, field] of Object.entries(fields)) add(field, `${path}.${name}`);
    }
  };
  add(batch, '');
  return rows;
}

async function samples(loader: DataLoader<unknown, 'float32', unknown>): Promise<string[]> {
  const all = (await batchesOf(loader)).flatMap(samplesOf);
  await loader.close();
  return all;
}

const configuration = fc.record({
  kind: fc.constantFrom(...kinds),
  batchSize: fc.constantFrom(2, 4, 6),
  shuffle: fc.boolean(),
  seed: fc.nat(1000),
  epoch: fc.nat(3),
});

function load(
  { kind, epoch, ...options }: { kind: string; epoch: number; [option: string]: unknown },
  dataset: Dataset<unknown> = draws({ kind }),
): DataLoader<unknown, 'float32', unknown> {
  const loader = new DataLoader<unknown>(dataset, options as object);
  loader.setEpoch(epoch);
  return loader as DataLoader<unknown, 'float32', unknown>;
}

describe('the same random numbers', () => {
  it('however long samples take to make, and whatever is made beside them', async () => {
    await fc.assert(
      fc.asyncProperty(
        configuration,
        fc.nat(20),
        fc.integer({ min: 1, max: 9 }),
        async (options, slow, by) => {
          const expected = await samples(load(options));
          expect(await samples(load(options, draws({ kind: options.kind, slow })))).toEqual(expected);
          expect(await samples(load({ ...options, batchSize: by }))).toEqual(expected);
        },
      ),
      { numRuns: searchSize({ short: 25, long: 60 }) },
    );
  });

  it('on every layout of ranks and micro-batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        configuration,
        fc.constantFrom(1, 2),
        fc.integer({ min: 1, max: 3 }),
        async (options, worldSize, gradientAccumulationSteps) => {
          const whole = (await batchesOf(load({ ...options, dropLast: true, batchSize: 6 }))).map(samplesOf);
          const ranks = await Promise.all(
            Array.from({ length: worldSize }, (_, rank) =>
              batchesOf(
                load({
                  ...options,
                  dropLast: true,
                  batchSize: 6,
                  rank,
                  worldSize,
                  gradientAccumulationSteps,
                }),
              ),
            ),
          );
          const joined = whole.map((_, step) =>
            Array.from({ length: gradientAccumulationSteps }, (_, micro) =>
              ranks.map((rank) => samplesOf(rank[step * gradientAccumulationSteps + micro])),
            ).flat(2),
          );
          expect(joined).toEqual(whole);
        },
      ),
      { numRuns: searchSize({ short: 25, long: 60 }) },
    );
  });

  it('after a resume on other ranks', async () => {
    await fc.assert(
      fc.asyncProperty(configuration, fc.nat(10), async (options, stop) => {
        const whole = await samples(load({ ...options, dropLast: true, batchSize: 2 }));
        const before = load({ ...options, dropLast: true, batchSize: 2 });
        const seen: string[] = [];
        const batches = before[Symbol.asyncIterator]();
        for (let left = stop % (whole.length / 2); left > 0; left--)
          seen.push(...samplesOf((await batches.next()).value));
        const state = before.stateDict();
        const ranks = await Promise.all(
          [0, 1].map(async (rank) => {
            const after = load({ ...options, dropLast: true, batchSize: 2, rank, worldSize: 2 });
            after.loadStateDict(state);
            return samples(after);
          }),
        );
        const rest = ranks[0]!.flatMap((sample, k) => [sample, ranks[1]![k]!]);
        expect([...seen, ...rest]).toEqual(whole);
      }),
      { numRuns: searchSize({ short: 15, long: 40 }) },
    );
  });

  it('in workers, in any number, also out of order', async () => {
    for (const kind of kinds) {
      const options = { kind, epoch: 1, batchSize: 3, shuffle: true, seed: 4 };
      const expected = await samples(load(options));
      const dataset = workerDataset<unknown>(fixture, { options: { kind, slow: 3 } });
      const loader = new DataLoader<unknown>(dataset, {
        batchSize: 3,
        shuffle: true,
        seed: 4,
        numWorkers: 2,
        inOrder: kind !== 'stack',
      });
      loader.setEpoch(1);
      const made = await samples(loader as DataLoader<unknown, 'float32', unknown>);
      expect(made.sort()).toEqual(expected.sort());
    }
  });

  it('in an attempt that follows a failed one, in the dataset and in the transform', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 }), fc.boolean(), async (failures, inTransform) => {
        const run = async (failing: number) => {
          let left = failing;
          const fail = (index: number) => {
            if (index === 2 && left-- > 0) throw new Error('busy');
          };
          const column = {
            length: 4,
            get: (index: number, { rng }: SampleContext) => {
              const drawn = rng.integer(0, 2 ** 24);
              if (!inTransform) fail(index);
              return drawn;
            },
          };
          const loader = new DataLoader(new StackDataset({ column, other: column }), {
            batchSize: 4,
            onError: 'retry',
            transform: (sample, { index, rng }) => {
              const drawn = rng.integer(0, 2 ** 24);
              if (inTransform) fail(index);
              return { ...sample, drawn: drawn } as never;
            },
          });
          return samples(loader as never);
        };
        expect(await run(failures)).toEqual(await run(0));
      }),
      { numRuns: searchSize({ short: 4, long: 12 }) },
    );
  });

  it('whether the dataset makes a sample or the whole batch', async () => {
    const fused = {
      length: 4,
      get: (_: number, { rng }: SampleContext) => rng.integer(0, 2 ** 24),
      getBatch(indices: ArrayLike<number>, context: { sample(slot: number): SampleContext }) {
        return Array.from(indices, (_, slot) => context.sample(slot).rng.integer(0, 2 ** 24));
      },
    };
    const { get, length } = fused;
    for (const wrap of [(d: Dataset<number>) => d, (d: Dataset<number>) => new Subset(d, [2, 2, 0, 3])]) {
      const options = { batchSize: 5, sampler: new WeightedRandomSampler([1, 1, 1, 1], { numSamples: 20 }) };
      const whole = await batchesOf(new DataLoader<number>(wrap(fused), options));
      const single = await batchesOf(new DataLoader<number>(wrap({ get, length }), options));
      expect(whole).toEqual(single.map(({ data }) => Array.from(data)));
    }
  });

  it('on each rank of a DistributedSampler, whatever their number', async () => {
    const drawn = async (worldSize: number) => {
      const ranks = Array.from({ length: worldSize }, (_, rank) =>
        samples(
          load({
            kind: 'plain',
            epoch: 2,
            batchSize: 2,
            sampler: new DistributedSampler(12, { worldSize, rank, seed: 3 }),
          }),
        ),
      );
      const all = await Promise.all(ranks);
      return all[0]!.flatMap((_, k) => all.map((own) => own[k]!));
    };
    expect(await drawn(2)).toEqual(await drawn(1));
    expect(await drawn(3)).toEqual(await drawn(1));
  });
});

describe('streams', () => {
  it('draw the same on every layout of ranks, in workers and after a failed attempt, and never twice the same', async () => {
    const numbers = fc.record({
      shards: fc.integer({ min: 1, max: 3 }),
      batchSize: fc.constantFrom(2, 4),
      worldSize: fc.constantFrom(1, 2),
      failures: fc.nat(1),
    });
    const property = fc.asyncProperty(numbers, async ({ shards, batchSize, worldSize, failures }) => {
      const stream = {
        numShards: shards,
        *iterate({ shard }: { shard: number }) {
          for (let k = 0; k < 8; k++) yield shard * 8 + k;
        },
      };
      const made = async (rank: number, size: number, failing: number) => {
        let left = failing;
        const loader = new DataLoader<number>(stream, {
          batchSize,
          rank,
          worldSize: size,
          onError: 'retry',
          transform: (sample, { rng }) => {
            const drawn = rng.integer(0, 2 ** 24);
            if (sample === 3 && left-- > 0) throw new Error('busy');
            return drawn;
          },
        });
        return (await batchesOf(loader)).map(({ data }) => Array.from(data as Float32Array));
      };
      const whole = await made(0, 1, 0);
      const ranks = await Promise.all(
        Array.from({ length: worldSize }, (_, rank) => made(rank, worldSize, failures)),
      );
      expect(whole.map((_, step) => ranks.flatMap((rank) => rank[step]!))).toEqual(whole);
      expect(new Set(whole.flat()).size).toBe(shards * 8);
    });
    await fc.assert(property, { numRuns: searchSize({ short: 10, long: 20 }) });
  });
});

describe('other random numbers', () => {
  const drawing = (length: number): Dataset<string> => ({
    length,
    get: (index, { rng }) => `${index}:${rng.uint32()}:${rng.uint32()}`,
  });
  const lengths = [3, 1, 2, 2, 1, 4];
  const orders: [string, number, () => object][] = [
    [
      'WeightedRandomSampler',
      4,
      () => ({ batchSize: 5, sampler: new WeightedRandomSampler([1, 1, 1, 9], { numSamples: 40 }) }),
    ],
    ['RandomSampler', 5, () => ({ batchSize: 5, sampler: new RandomSampler(5, { numSamples: 40 }) })],
    [
      'CurriculumSampler',
      32,
      () => ({
        batchSize: 4,
        sampler: new CurriculumSampler(32, {
          batchSize: 4,
          stepsPerEpoch: 100,
          metrics: {
            m: {
              index: Array.from({ length: 32 }, (_, i) => i),
              minDifficulty: 3,
              maxDifficulty: 31,
              schedule: { type: 'linear', totalSteps: 80, difficultyStep: 1 },
            },
          },
        }),
      }),
    ],
    ['a list of batches', 3, () => ({ batchSampler: Object.assign([[0, 1, 0], [0], [1, 1, 2, 2]], {}) })],
    ['TokenBudgetSampler', 6, () => ({ batchSampler: new TokenBudgetSampler(6, { lengths, maxTokens: 4 }) })],
  ];

  it.each(orders)('for each draw of a sample by %s, in every epoch', async (_, length, options) => {
    const loader = new DataLoader<string>(drawing(length), {
      ...options(),
      collate: (all: readonly string[]) => [...all],
    } as never);
    const seen: string[] = [];
    for (const _ of [0, 1]) seen.push(...((await batchesOf(loader)) as unknown as string[][]).flat());
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('for the columns of a stack, the sources of a mixture, and the sample itself', async () => {
    const one = drawing(4);
    const stack = new MapDataset(new StackDataset({ a: one, b: one }), ({ a, b }, { rng }) => [
      a,
      b,
      `0:${rng.uint32()}:${rng.uint32()}`,
    ]);
    const nested = new MixtureDataset([new MixtureDataset([one, one], { weights: [1, 2] }), one], {
      weights: [1, 1],
      length: 64,
    });
    for (const dataset of [stack, nested] as Dataset<unknown>[]) {
      const loader = new DataLoader<unknown>(dataset, {
        batchSize: 8,
        collate: (all: unknown) => all,
      } as never);
      const seen = ((await batchesOf(loader)) as unknown[])
        .flat(2)
        .map((text) => String(text).replace(/^\d+/, ''));
      expect(new Set(seen).size).toBe(seen.length);
    }
  });
});

describe('documents of packed rows', () => {
  it('draw once in a pass, in however many rows they are, and anew in the next', async () => {
    const documents = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 12 });
    const property = fc.asyncProperty(documents, fc.boolean(), async (lengths, mixed) => {
      const drawing: Dataset<Int32Array> = {
        length: lengths.length,
        get: (document, { rng }) => {
          const drawn = document * 2 ** 24 + rng.integer(0, 2 ** 24);
          return new Int32Array(lengths[document]!).fill(drawn);
        },
      };
      const packed = new PackedDataset(drawing, { rowLength: 4, lengths, padToken: -1, shuffle: false });
      const other = new ArrayDataset(Array.from({ length: 50 }, () => 0));
      // A mixture walks the rows at its own pace: a pass may begin in one epoch and end in another.
      const dataset: Dataset<unknown> = mixed
        ? new MixtureDataset<unknown>([packed, other], { weights: [2, 1], length: 5, shuffle: false })
        : packed;
      const passes = 3;
      const rows: Int32Array[] = [];
      const loader = new DataLoader<unknown>(dataset, {
        batchSize: 3,
        collate: (all: readonly unknown[]) => all,
        ...(!mixed && { sampler: new RandomSampler(packed.length, { numSamples: passes * packed.length }) }),
      } as never);
      while (rows.length < passes * packed.length)
        for await (const batch of loader as AsyncIterable<unknown[]>)
          for (const row of batch)
            if (row !== 0) rows.push((row as { inputIds: { data: Int32Array } }).inputIds.data);
      const drawnIn = Array.from({ length: passes }, (_, pass) => {
        const own = rows.slice(pass * packed.length, (pass + 1) * packed.length);
        return new Set(own.flatMap((row) => [...row]).filter((token) => token !== -1));
      });
      for (const drawn of drawnIn) expect(drawn.size).toBe(lengths.length);
      expect(new Set(drawnIn.flatMap((drawn) => [...drawn])).size).toBe(passes * lengths.length);
    });
    await fc.assert(property, { numRuns: searchSize({ short: 25, long: 60 }) });
  });
});
