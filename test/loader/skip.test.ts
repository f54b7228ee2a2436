// onError: 'skip' and 'replace': samples that fail never change the number of batches, and never leave nothing.
import fc from 'fast-check';
import {
  DataLoader,
  type DataLoader as Loader,
  MixtureDataset,
  workerDataset,
  workerFunction,
} from 'millrace';
import { SampleError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { batchesOf, collect } from './collect.js';

const fixture = new URL('../fixtures/broken.js', import.meta.url);
const numbers = (length: number) => Array.from({ length }, (_, i) => i);

interface Given {
  readonly kind: 'map' | 'stream';
  readonly length: number;
  readonly broken: readonly number[];
}

function load({ kind, length, broken }: Given, options: object): DataLoader<number> {
  const plain =
    kind === 'map'
      ? { export: 'default', options: { length, broken } }
      : { export: 'stream', options: { length } };
  const transform = workerFunction<(sample: number) => number>(fixture, {
    export: 'refuse',
    options: { broken },
  });
  return new DataLoader<number>(workerDataset<number>(fixture, plain), {
    onError: 'skip',
    ...(kind === 'stream' && { transform }),
    ...options,
  } as object);
}

const layout = {
  worldSize: fc.integer({ min: 1, max: 4 }),
  gradientAccumulationSteps: fc.integer({ min: 1, max: 3 }),
};

describe(`onError: 'skip'`, () => {
  async function check(
    drawn: Given & { batchSize: number; worldSize: number; gradientAccumulationSteps: number },
    how: object,
  ) {
    const { worldSize, gradientAccumulationSteps: steps, length } = drawn;
    const batchSize = Math.max(drawn.batchSize, worldSize * steps);
    const globalBatches = numbers(Math.ceil(length / batchSize)).map((k) =>
      numbers(length).slice(k * batchSize, (k + 1) * batchSize),
    );
    // A global batch without any sample is another test.
    const spared = new Set(globalBatches.map((batch) => batch[batch.length >> 1]!));
    const given = { ...drawn, broken: drawn.broken.filter((index) => !spared.has(index)) };
    const ranks = await Promise.all(
      numbers(worldSize).map(async (rank) => {
        const loader = load(given, { batchSize, rank, worldSize, gradientAccumulationSteps: steps, ...how });
        const batches = await collect(loader);
        await loader.close();
        return batches;
      }),
    );
    for (const batches of ranks) {
      expect(batches).toHaveLength(globalBatches.length * steps);
      expect(batches.every((batch) => batch.length > 0)).toBe(true);
    }
    const isBroken = new Set(given.broken);
    for (const [k, batch] of globalBatches.entries()) {
      const came = ranks.flatMap((batches) => batches.slice(k * steps, (k + 1) * steps).flat());
      expect(new Set(came)).toEqual(new Set(batch.filter((index) => !isBroken.has(index))));
    }
  }
  const given = fc.record({
    kind: fc.constantFrom('map' as const, 'stream' as const),
    length: fc.integer({ min: 1, max: 30 }),
    broken: fc.uniqueArray(fc.nat(29), { maxLength: 25 }),
    batchSize: fc.integer({ min: 1, max: 10 }),
    ...layout,
  });

  it('gives every rank and micro-batch its batches, of the samples that can be made and no others', async () => {
    await fc.assert(
      fc.asyncProperty(given, (drawn) => check(drawn, {})),
      { numRuns: 200 },
    );
  });

  it('does so in workers, lent or not', async () => {
    await fc.assert(
      fc.asyncProperty(given, fc.boolean(), (drawn, reuseBuffers) =>
        check(drawn, { numWorkers: 1, prefetchFactor: 2, reuseBuffers }),
      ),
      { numRuns: 6 },
    );
  });

  it('counts what stood in for a part that lost all its samples', async () => {
    const loader = load({ kind: 'map', length: 4, broken: [0] }, { batchSize: 2, rank: 0, worldSize: 2 });
    expect(await collect(loader)).toEqual([[1], [2]]);
    expect(loader.stats()).toMatchObject({ standIns: 1, skipped: 1 });
  });

  it('gives the next sample of the source where no sample of a batch can be made, on every rank', async () => {
    const given = { kind: 'map', length: 6, broken: [2, 3] } as const;
    for (const rank of [0, 1]) {
      const loader = load(given, { batchSize: 2, rank, worldSize: 2 });
      expect(await collect(loader)).toEqual([[rank], [4], [4 + rank]]);
      expect(loader.stats()).toMatchObject({ standIns: 1, skipped: 1 });
    }
    const alone = load(given, { batchSize: 2 });
    expect(await collect(alone)).toEqual([[0, 1], [4], [4, 5]]);
    expect(alone.length).toBe(3);
  });

  it('is an error where no sample of a global batch of a stream can be made, on every rank, and a seek goes past it', async () => {
    for (const rank of [0, 1]) {
      const given = { kind: 'stream', length: 6, broken: [2, 3] } as const;
      const loader = load(given, { batchSize: 2, rank, worldSize: 2 });
      await expect(collect(loader)).rejects.toThrow(SampleError);
      expect(loader.stateDict()).toMatchObject({ epoch: 0, step: 1 });
      loader.seek({ epoch: 0, step: 2 });
      expect(await collect(loader)).toEqual([[4 + rank]]);
    }
  });

  it('is an error at once when all samples fail, with any policy and layout', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('skip', 'replace'),
        fc.record(layout),
        async (length, perPart, onError, { worldSize, gradientAccumulationSteps }) => {
          const batchSize = perPart * worldSize * gradientAccumulationSteps;
          const options = { batchSize, worldSize, gradientAccumulationSteps, onError, maxFailures: 1e9 };
          const loader = load({ kind: 'map', length, broken: numbers(length) }, options);
          await expect(collect(loader)).rejects.toThrow(/No sample of a batch could be made/);
          expect(loader.stats().batches).toBe(0);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('is an error when all samples of a stream fail: of an epoch, or a hundred in a row', async () => {
    const few = load({ kind: 'stream', length: 5, broken: numbers(5) }, { batchSize: 2 });
    await expect(collect(few)).rejects.toThrow(/All samples of the epoch failed.*no sample 4/);
    const many = load(
      { kind: 'stream', length: 1000, broken: numbers(1000).slice(8) },
      { batchSize: 8, maxFailures: 500 },
    );
    await expect(collect(many)).rejects.toThrow(/104 samples in a row failed.*no sample 111/);
    expect(many.stats().skipped).toBe(104);
  });

  it('ends the epoch once more samples failed than maxFailures allows', async () => {
    const every = (n: number) => numbers(400).filter((index) => index % n === 0);
    for (const kind of ['map', 'stream'] as const) {
      const load4 = (n: number, options = {}) =>
        load({ kind, length: 400, broken: every(n) }, { batchSize: 8, ...options });
      // One of eight is above the default, a tenth; it says something from the hundredth sample on.
      await expect(collect(load4(8))).rejects.toThrow(
        /13 of 104 samples failed, and maxFailures is 0.1;.*no sample 96/,
      );
      expect((await collect(load4(16))).flat()).toHaveLength(375);
      expect((await collect(load4(8, { maxFailures: 0.13 }))).flat()).toHaveLength(350);
      expect((await collect(load4(8, { maxFailures: 50 }))).flat()).toHaveLength(350);
      const strict = load4(8, { maxFailures: 2 });
      await expect(collect(strict)).rejects.toThrow(/3 of 24 samples failed, and maxFailures is 2/);
      // The count is of an epoch.
      strict.seek({ epoch: 1, step: 48 });
      if (kind === 'map') expect((await collect(strict)).flat()).toHaveLength(14);
    }
  });

  it('takes maxFailures only with skip, and above 0', () => {
    expect(() => load({ kind: 'map', length: 1, broken: [] }, { maxFailures: 0 })).toThrow(/must be above 0/);
    const options = { onError: 'throw', maxFailures: 3 };
    expect(() => load({ kind: 'map', length: 1, broken: [] }, options)).toThrow(
      /maxFailures: needs onError: 'skip'/,
    );
  });
});

describe(`onError: 'replace'`, () => {
  it('keeps the size of every batch, and puts the next sample of the order that can be made for each that cannot', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          length: fc.integer({ min: 2, max: 40 }),
          broken: fc.uniqueArray(fc.nat(39), { maxLength: 30 }),
          batchSize: fc.integer({ min: 1, max: 10 }),
          seed: fc.nat(9),
          ...layout,
        }),
        async ({ length, broken: drawn, seed, worldSize, gradientAccumulationSteps: steps, ...given }) => {
          const batchSize = Math.max(given.batchSize, worldSize * steps);
          const broken = drawn.filter((index) => index < length && index !== length >> 1);
          const isBroken = new Set(broken);
          const options = { batchSize, worldSize, gradientAccumulationSteps: steps, shuffle: true, seed };
          for (let rank = 0; rank < worldSize; rank++) {
            const whole = load({ kind: 'map', length, broken: [] }, { ...options, rank });
            const replaced = load(
              { kind: 'map', length, broken },
              { ...options, rank, onError: 'replace', maxFailures: 1e9 },
            );
            const expected = (await collect(whole)).map((batch) =>
              batch.map((index) => {
                let next = index;
                while (isBroken.has(next)) next = (next + 1) % length;
                return next;
              }),
            );
            expect(await collect(replaced)).toEqual(expected);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('replaces a sample of a mixture by the next draw of its source', async () => {
    const source = (name: string, broken: readonly number[]) => ({
      length: 8,
      get(index: number) {
        if (broken.includes(index)) throw new Error(`no ${name} ${index}`);
        return `${name} ${index}`;
      },
    });
    const make = (broken: readonly number[]) =>
      new MixtureDataset([source('web', broken), source('code', [])], { weights: [3, 1], shuffle: false });
    const options = { batchSize: 4, onError: 'replace', maxFailures: 9 } as const;
    const whole = await batchesOf(new DataLoader(make([]), options) as Loader<string>);
    const replaced = await batchesOf(new DataLoader(make([2, 3]), options) as Loader<string>);
    // The epoch has 12 draws of this source. After the last one, the first one is next.
    const drawn = whole.flat() as unknown as string[];
    const last = drawn.lastIndexOf('web 2');
    const expected = drawn.map((text, k) => text.replace(/web [23]/, k < last ? 'web 4' : 'web 0'));
    expect(replaced.flat()).toEqual(expected);
  });

  it('is refused for a stream', () => {
    const stream = { iterate: () => [1, 2] };
    expect(() => new DataLoader(stream as never, { onError: 'replace' })).toThrow(
      /onError: needs a map-style/,
    );
  });
});
