import { Readable } from 'node:stream';
import fc from 'fast-check';
import { DataLoader, type IterableDataset, MixtureStream, StreamDataset, workerFunction } from 'millrace';
import { ConfigError, StateMismatchError, WorkerTransferError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { FairTurns } from '../../dist/random/fair-turns.js';
import { searchSize } from '../setup/search-size.js';

interface Sample {
  readonly value: number;
}
const samples = (count: number): Sample[] => Array.from({ length: count }, (_, value) => ({ value }));
const module = new URL('../fixtures/number-streams.js', import.meta.url);

async function valuesOf(loader: DataLoader<Sample>, most = Number.POSITIVE_INFINITY): Promise<number[]> {
  const seen: number[] = [];
  for await (const batch of loader as AsyncIterable<{ value: { data: ArrayLike<number> } }>) {
    seen.push(...Array.from(batch.value.data));
    if (seen.length >= most) break;
  }
  return seen;
}

describe('a stream as a dataset', () => {
  async function* generate() {
    yield* samples(10);
  }
  it.each([
    ['an asynchronous generator function', () => generate],
    [
      'a generator function',
      () =>
        function* () {
          yield* samples(10);
        },
    ],
    ['a function that returns a promise', () => async () => samples(10)],
    ['a generator', () => generate()],
    ['an array', () => samples(10)],
    ['a stream of Node.js', () => Readable.from(samples(10))],
    ['a web stream', () => Readable.toWeb(Readable.from(samples(10))) as unknown as ReadableStream<Sample>],
    ['a function that opens a web stream', () => () => ReadableStream.from(samples(10))],
  ] as const)('is made of %s', async (_, source) => {
    const dataset = new StreamDataset<Sample>(source() as never, { name: 'ten' });
    await using loader = new DataLoader(dataset, { batchSize: 4 });
    expect(await valuesOf(loader)).toEqual(samples(10).map(({ value }) => value));
  });

  it('that is open can be read once: another epoch is an error that says what to give', async () => {
    for (const source of [generate(), Readable.from(samples(4)), ReadableStream.from(samples(4))]) {
      await using loader = new DataLoader(new StreamDataset<Sample>(source as never, { name: 'my lines' }), {
        batchSize: 4,
      });
      await valuesOf(loader);
      await expect(valuesOf(loader)).rejects.toThrow(
        /my lines is a stream that was read already.*createReadStream/,
      );
    }
  });

  it('is opened for each epoch if it is a function', async () => {
    const dataset = new StreamDataset<Sample>(
      function* ({ epoch }) {
        for (const { value } of samples(3)) yield { value: value + 10 * epoch };
      },
      { name: 'three' },
    );
    await using loader = new DataLoader(dataset, { batchSize: 2 });
    expect([await valuesOf(loader), await valuesOf(loader)]).toEqual([
      [0, 1, 2],
      [10, 11, 12],
    ]);
  });

  it('is closed when the reader stops', async () => {
    let cancelled = 0;
    const open = () =>
      new ReadableStream<Sample>({
        pull: (controller) => controller.enqueue({ value: 1 }),
        cancel: () => {
          cancelled++;
        },
      });
    const stream = new StreamDataset<Sample>(open, { name: 'endless' }).iterate({
      epoch: 0,
      seed: 0,
      shard: 0,
      numShards: 1,
      worker: null,
    });
    for await (const _ of stream) break;
    expect(cancelled).toBe(1);
  });

  it.each([false, true])(
    'resumes by dropping what was delivered, or where its function starts (seekable: %s)',
    async (seekable) => {
      let made = 0;
      const dataset = () =>
        new StreamDataset<Sample>(
          function* ({ state }) {
            for (let i = Number(state?.position ?? 0); i < 40; i++) {
              made++;
              yield { value: i };
            }
          },
          { name: 'forty', seekable },
        );
      const first = new DataLoader(dataset(), { batchSize: 4 });
      const before = await valuesOf(first, 20);
      const state = JSON.parse(JSON.stringify(first.stateDict()));
      await first.close();
      made = 0;
      await using second = new DataLoader(dataset(), { batchSize: 4 });
      await second.loadStateDict(state);
      expect([...before, ...(await valuesOf(second))]).toEqual(samples(40).map(({ value }) => value));
      expect(made).toBe(seekable ? 20 : 40);
    },
  );

  it('has an identity: a state of another name is refused', async () => {
    const loaderOf = (name: string) =>
      new DataLoader(new StreamDataset(() => samples(8), { name }), { batchSize: 2 });
    await using one = loaderOf('one');
    await valuesOf(one, 4);
    await using two = loaderOf('two');
    await expect(async () => two.loadStateDict(one.stateDict())).rejects.toThrow(StateMismatchError);
  });

  it('runs in workers from the module of its function', async () => {
    const source = workerFunction<() => AsyncIterable<Sample>>(module, {
      export: 'numbers',
      options: { end: 23 },
    });
    const dataset = new StreamDataset<Sample>(source, { name: 'numbers', seekable: true });
    const seen: number[][] = [];
    for (const numWorkers of [0, 2]) {
      await using loader = new DataLoader(dataset, { batchSize: 4, numWorkers });
      seen.push(await valuesOf(loader), await valuesOf(loader));
    }
    expect(seen[0]).toEqual(samples(23).map(({ value }) => value));
    expect(seen[1]![0]).toBe(0.25);
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
    const local = new DataLoader(new StreamDataset(() => samples(3), { name: 'x' }), {
      batchSize: 1,
      numWorkers: 1,
    });
    await expect(valuesOf(local)).rejects.toThrow(WorkerTransferError);
    await local.close();
  });

  it('is checked when it is made', async () => {
    expect(() => new StreamDataset(() => [], { name: '' })).toThrow(/name: must not be empty/);
    expect(() => new StreamDataset(5 as never, { name: 'x' })).toThrow(/source: is neither a function/);
    expect(() => new StreamDataset([], { name: 'x', seekable: true })).toThrow(/seekable: needs a function/);
    await using loader = new DataLoader(new StreamDataset(() => 5 as never, { name: 'five' }), {
      batchSize: 1,
    });
    await expect(valuesOf(loader as never)).rejects.toThrow(
      /five: the function returned neither an iterable/,
    );
    for (const raw of [generate, generate(), ReadableStream.from([])])
      expect(() => new DataLoader(raw as never, { batchSize: 1 })).toThrow(
        /becomes a dataset by new StreamDataset/,
      );
  });
});

const weightsOf = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.double({ min: 0, max: 1, noNaN: true })), {
    minLength: 1,
    maxLength: 7,
  })
  .filter((weights) => weights.some((weight) => weight > 1e-6));

describe('a mixture of streams', () => {
  it('gives each source its share to within 1 after every sample', () => {
    fc.assert(
      fc.property(weightsOf, fc.integer({ min: 1, max: 400 }), (weights, count) => {
        const sum = weights.reduce((a, b) => a + b, 0);
        const turns = new FairTurns(weights);
        for (let n = 1; n <= count; n++) {
          turns.take(turns.next());
          for (const [part, weight] of weights.entries())
            expect(Math.abs(turns.counts[part]! - (n * weight) / sum)).toBeLessThan(1);
        }
      }),
      { numRuns: searchSize({ short: 60, long: 5_000 }) },
    );
  });

  /** Sources of 2 shards, some of them seekable, whose values tell source and position. */
  const sourcesOf = (lengths: readonly number[]): IterableDataset<Sample>[] =>
    lengths.map((length, source) => {
      const seekable = source % 2 === 0;
      const value = (i: number) => ({ value: 1_000 * source + i });
      return source % 3 === 0
        ? {
            numShards: 2,
            fingerprint: () => `shards ${source}`,
            *iterate({ shard }) {
              for (let i = shard * 5; i < (shard === 0 ? 5 : length); i++) yield value(i);
            },
          }
        : new StreamDataset<Sample>(
            function* ({ state }) {
              for (let i = Number(state?.position ?? 0); i < length; i++) yield value(i);
            },
            { name: `stream ${source}`, seekable },
          );
    });

  it('continues from its state with what was due, ends with its first source, and repeats nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        weightsOf,
        fc.integer({ min: 6, max: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 100 }),
        async (weights, length, batchSize, stop) => {
          const mixture = () => new MixtureStream(sourcesOf(weights.map(() => length)), { weights });
          await using whole = new DataLoader(mixture(), { batchSize });
          const all = await valuesOf(whole);
          for (const source of weights.keys()) {
            const own = all.filter((value) => Math.floor(value / 1_000) === source);
            expect(own).toEqual(own.map((_, i) => 1_000 * source + i));
          }
          expect(
            Math.max(
              ...weights.map(
                (_, source) => all.filter((value) => Math.floor(value / 1_000) === source).length,
              ),
            ),
          ).toBe(length);
          const first = new DataLoader(mixture(), { batchSize });
          const before = await valuesOf(first, stop);
          const state = JSON.parse(JSON.stringify(first.stateDict()));
          await first.close();
          await using second = new DataLoader(mixture(), { batchSize });
          await second.loadStateDict(state);
          if (before.length < all.length) expect([...before, ...(await valuesOf(second))]).toEqual(all);
        },
      ),
      { numRuns: searchSize({ short: 25, long: 2_000 }) },
    );
  });

  it('gives the same in workers', async () => {
    const numbers = (first: number) =>
      new StreamDataset<Sample>(workerFunction(module, { export: 'numbers', options: { first, end: 30 } }), {
        name: `from ${first}`,
        seekable: true,
      });
    const mixture = new MixtureStream([numbers(0), numbers(100), numbers(200)], { weights: [3, 2, 1] });
    expect(mixture.seekable).toBe(true);
    const seen: number[][] = [];
    for (const numWorkers of [0, 2]) {
      await using loader = new DataLoader(mixture, { batchSize: 4, numWorkers });
      seen.push(await valuesOf(loader));
    }
    expect(seen[0]).toHaveLength(60);
    expect(seen[1]).toEqual(seen[0]);
  });

  it('is checked when it is made, and its state when it is loaded', () => {
    const [one, two] = sourcesOf([8, 8]) as [IterableDataset<Sample>, IterableDataset<Sample>];
    expect(() => new MixtureStream([one, two], { weights: [1] })).toThrow(
      /weights: must have one weight for each of the 2/,
    );
    expect(() => new MixtureStream([one, two], { weights: [0, 0] })).toThrow(/must not all be 0/);
    expect(() => new MixtureStream([one, two], { weights: [1, -1] })).toThrow(ConfigError);
    expect(() => new MixtureStream([{ length: 1, get: () => one } as never], { weights: [1] })).toThrow(
      /datasets.0: is not an iterable/,
    );
    const context = { epoch: 0, seed: 0, shard: 0, numShards: 1, worker: null, state: { sources: [] } };
    expect(() => new MixtureStream([one], { weights: [1] }).iterate(context)).toThrow(StateMismatchError);
  });
});
