// Runs whose data, sampler or sequence length changes in the middle.
import fc from 'fast-check';
import {
  ArrayDataset,
  ConcatDataset,
  DataLoader,
  type Dataset,
  MixtureDataset,
  RandomSampler,
  type Tensor,
  tensor,
} from 'millrace';
import { TokenWindows } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { collect, range } from './collect.js';

const rangeFrom = (first: number, length: number) =>
  new ArrayDataset(Array.from({ length }, (_, i) => first + i));
/** A dataset whose samples are its indices, which has grown to several lengths. */
const grown = (lengths: readonly number[]): Dataset<number> =>
  lengths
    .slice(1)
    .reduce<Dataset<number>>(
      (data, length, k) => new ConcatDataset([data, rangeFrom(lengths[k]!, length - lengths[k]!)]),
      range(lengths[0]!),
    );

const growing = fc.record({
  lengths: fc
    .array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 4 })
    .map((added) => added.map((_, k) => added.slice(0, k + 1).reduce((sum, more) => sum + more))),
  /** Steps between growths. */
  gaps: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 3, maxLength: 3 }),
  interleaved: fc.boolean(),
  batchSize: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(99),
  shuffle: fc.boolean(),
});

/** Batches of several epochs, with their positions. */
async function* stepsOf(loader: DataLoader<number, 'float64'>) {
  for (;;) {
    const epoch = loader.epoch;
    for await (const batch of loader) yield { epoch, samples: Array.from(batch.data) };
  }
}

describe('data that grows', () => {
  it('gives each sample once in every epoch, the old ones in their order, forwards and backwards', async () => {
    await fc.assert(
      fc.asyncProperty(growing, async ({ lengths, gaps, interleaved, ...options }) => {
        const load = () => new DataLoader(range(lengths[0]!), { ...options, numberDtype: 'float64' });
        const [loader, plain] = [load(), load()];
        const newSamples = interleaved ? 'interleaved' : 'after';
        const epochs: number[][] = [];
        /** What an epoch has, and what it had before it grew. */
        const sizes: number[] = [lengths[0]!];
        let [step, k, isMixed] = [0, 1, false];
        let next = gaps[0]!;
        for await (const { epoch, samples } of stepsOf(loader)) {
          if (epoch >= 5) break;
          if (epochs.length === epoch) isMixed = false;
          epochs[epoch] = [...(epochs[epoch] ?? []), ...samples];
          step += 1;
          const size = sizes[epoch] ?? sizes.at(-1)!;
          sizes[epoch] = size;
          const isOver = epochs[epoch]!.length === size;
          if (step === next && k < lengths.length && !(interleaved && isMixed && !isOver)) {
            await loader.amend({ data: grown(lengths.slice(0, k + 1)), newSamples });
            if (interleaved && !isOver) {
              sizes[epoch] = lengths[k]!;
              isMixed = true;
            }
            sizes[epoch + 1] = lengths[k]!;
            next += gaps[k] ?? 1;
            k += 1;
          } else if (step === next) next += 1;
        }
        for (const [epoch, samples] of epochs.entries()) {
          const size = sizes[epoch] ?? sizes.at(-1)!;
          expect([...samples].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
        }
        // The epoch under way at the first growth keeps its order.
        const first = (await collect(plain)).flat();
        expect(epochs[0]!.filter((sample) => sample < lengths[0]!)).toEqual(first);
        // Another process that was amended likewise knows the same run.
        const walked = epochs.flatMap((samples, epoch) => samples.map((sample) => ({ sample, epoch })));
        const sample = walked[step % walked.length]!.sample;
        const seen = walked.flatMap(({ sample: other, epoch }) => (other === sample ? [epoch] : []));
        expect(loader.whenSeen(sample, { epochs: 5 }).map(({ epoch }) => epoch)).toEqual(seen);
        const planned = epochs.map((_, epoch) =>
          [...loader.order({ epoch, step: 0 })].flatMap(({ indices }) => [...indices]),
        );
        expect(planned).toEqual(epochs);
      }),
      { numRuns: searchSize({ short: 15, long: 2000 }) },
    );
  });

  it('reads a growing source of a mixture pass by pass, and a new source from its weight on', async () => {
    await fc.assert(
      fc.asyncProperty(growing, async ({ lengths, gaps, interleaved, batchSize, seed }) => {
        const other = range(7);
        const load = () =>
          new DataLoader(
            new MixtureDataset([range(lengths[0]!), other], { weights: [2, 1], seed, length: 500 }),
            {
              batchSize,
              numberDtype: 'float64',
            },
          );
        const loader = load();
        let at = 0;
        let refused = 0;
        const growths: [at: number, length: number][] = [];
        for (const [k, length] of lengths.entries()) {
          if (k === 0) continue;
          at += gaps[k - 1]!;
          const sources = [grown(lengths.slice(0, k + 1)), other];
          const newSamples = interleaved ? 'interleaved' : 'after';
          // A pass takes in one growth at a time.
          await loader.amend({ at, sources, newSamples }).catch((error: Error) => {
            expect(error.message).toContain('newSamples');
            refused += 1;
          });
          if (refused > 0) break;
          growths.push([at, length]);
        }
        const mixture = loader.dataset as MixtureDataset<number>;
        const draws = Array.from({ length: 300 }, (_, slot) => mixture.originOf(slot)).filter(
          ({ source }) => source === 0,
        );
        const passes = new Map<number, number[]>();
        for (const { epoch, index } of draws) passes.set(epoch, [...(passes.get(epoch) ?? []), index]);
        const all = [...passes.values()];
        for (const [pass, indices] of all.entries()) {
          expect(new Set(indices).size).toBe(indices.length);
          const whole = [...indices].sort((a, b) => a - b);
          if (pass < all.length - 1) expect(whole).toEqual(whole.map((_, k) => k));
          if (pass < all.length - 1) expect(lengths).toContain(indices.length);
        }
        const alone = (load().dataset as MixtureDataset<number>).originOf.bind(load().dataset);
        const before = Array.from({ length: 300 }, (_, slot) => alone(slot)).filter(
          ({ source }) => source === 0,
        );
        const firstPass = before.slice(0, lengths[0]!).map(({ index }) => index);
        expect(all[0]!.filter((index) => index < lengths[0]!)).toEqual(firstPass.slice(0, all[0]!.length));
        // Backwards.
        const wanted = draws[draws.length >> 1]!.index;
        const slots = Array.from({ length: 300 }, (_, slot) => slot).filter((slot) => {
          const { source, index } = mixture.originOf(slot);
          return source === 0 && index === wanted;
        });
        const found = [...mixture.indicesOf({ source: 0, index: wanted }, 0)].filter((slot) => slot < 300);
        expect(found).toEqual(slots);
        if (growths.length > 0) expect(draws.at(-1)!.index).toBeLessThan(growths.at(-1)![1]);
      }),
      { numRuns: searchSize({ short: 15, long: 2000 }) },
    );
  });

  it('takes new sources in workers too, and continues from a state', async () => {
    const load = (numWorkers: number) =>
      new DataLoader(new MixtureDataset([range(20), range(10)], { weights: [1, 1] }), {
        batchSize: 3,
        numWorkers,
      });
    const sources = [new ConcatDataset([range(20), rangeFrom(20, 20)]), range(10), rangeFrom(1000, 10)];
    const runs = [0, 1].map(async (numWorkers) => {
      await using loader = load(numWorkers);
      const batches: number[][] = [];
      for await (const batch of loader) {
        batches.push(Array.from(batch.data));
        if (batches.length === 4) await loader.amend({ sources, weights: [1, 0, 1] });
        if (batches.length === 6) break;
      }
      const state = loader.stateDict();
      await using other = load(numWorkers);
      expect(() => other.loadStateDict(state)).not.toThrow();
      await expect(other.ready()).rejects.toThrow(
        'at global step 4 with other sources, which this loader lacks',
      );
      await other.close();
      await using again = load(numWorkers);
      await again.amend({ at: 4, sources });
      again.loadStateDict(state);
      return [...batches, ...(await collect(again))];
    });
    const [none, some] = await Promise.all(runs);
    expect(some).toEqual(none);
    expect(
      none!
        .slice(4)
        .flat()
        .some((sample) => sample >= 1000),
    ).toBe(true);
    expect(
      none!
        .slice(0, 4)
        .flat()
        .some((sample) => sample >= 20),
    ).toBe(false);
  });

  it('replaces a growth at the same step, and is refused before a later one', async () => {
    const more = (last: number) => new ConcatDataset([range(10), rangeFrom(10, last - 10)]);
    const load = () => new DataLoader(range(10), { batchSize: 2, shuffle: true, seed: 3 });
    const [once, twice] = [load(), load()];
    await once.amend({ at: 7, data: more(30) });
    await twice.amend({ at: 7, data: more(20) });
    await twice.amend({ at: 7, data: more(30) });
    expect(twice.stateDict().amendments).toEqual(once.stateDict().amendments);
    for (let epoch = 0; epoch < 3; epoch++) expect(await collect(twice)).toEqual(await collect(once));
    const mixed = new DataLoader(new MixtureDataset([range(10)], { weights: [1], length: 60 }), {
      batchSize: 2,
    });
    await mixed.amend({ at: 7, sources: [more(20)] });
    await expect(mixed.amend({ at: 6, sources: [more(30)] })).rejects.toThrow(
      'at: is 6, but sources change at step 7 already: amend in the order of the steps',
    );
    await mixed.amend({ at: 7, sources: [more(30)] });
    expect(mixed.stateDict().amendments).toEqual({ sources: [[7, 0, 10, 30, expect.any(String), 'after']] });
  });

  it('is refused if it shrinks or is other data, with the difference', async () => {
    const loader = new DataLoader(range(20), { batchSize: 4, shuffle: true });
    await expect(loader.amend({ data: range(19) })).rejects.toThrow('data: shrinks from 20 to 19 samples');
    await expect(loader.amend({ data: rangeFrom(5, 25) })).rejects.toThrow(
      /has other samples: its fingerprint was \w+, 20/,
    );
    const mixed = new DataLoader(new MixtureDataset([range(5), range(6)], { weights: [1, 1] }));
    await expect(mixed.amend({ sources: [range(5)] })).rejects.toThrow(
      'has 1 sources of 2: give an unused one weight 0',
    );
    await expect(mixed.amend({ sources: [range(5), range(4)] })).rejects.toThrow(
      'sources.1: shrinks from 6 to 4',
    );
    await expect(mixed.amend({ sources: [range(5), range(6)] })).rejects.toThrow('none has grown');
    await expect(mixed.amend({ data: range(5) })).rejects.toThrow('pass sources');
    expect(mixed.stateDict()).not.toHaveProperty('amendments');
  });
});

describe('another sampler', () => {
  it('begins with an epoch', async () => {
    const loader = new DataLoader(range(10), { batchSize: 5, numberDtype: 'float64' });
    const sampler = new RandomSampler(range(10), { seed: 4 });
    await expect(loader.amend({ at: 3, sampler })).rejects.toThrow('an epoch begins at step 2 and at step 4');
    await loader.amend({ at: 4, sampler });
    const epochs = [];
    for (let epoch = 0; epoch < 4; epoch++) epochs.push((await collect(loader)).flat());
    const numbers = Array.from({ length: 10 }, (_, i) => i);
    sampler.setEpoch(3);
    expect([epochs[0], epochs[1], epochs[3]]).toEqual([numbers, numbers, [...sampler]]);
    expect(epochs[2]).not.toEqual(numbers);
  });
});

describe('another sequence length', () => {
  const tokens = tensor(
    Int32Array.from({ length: 96 }, (_, i) => i),
    [96],
  );
  const load = (options = {}) =>
    new DataLoader(new TokenWindows(tokens, { length: 8 }), { batchSize: 2, shuffle: true, ...options });

  it('splits the samples: every token comes once, and the state continues with it', async () => {
    const loader = load();
    await loader.amend({ at: 0, sequenceLength: 2, batchSize: 4 });
    await loader.amend({ at: 2, sequenceLength: 4 });
    await loader.amend({ at: 3, sequenceLength: 8, batchSize: 2 });
    const shapes: (readonly number[])[] = [];
    const seen: number[] = [];
    let state: unknown;
    const see = (batch: unknown) => {
      const { shape, data } = (batch as { x: Tensor<'int32'> }).x;
      shapes.push(shape);
      seen.push(...data);
    };
    for await (const batch of loader) {
      see(batch);
      if (shapes.length === 2) {
        state = loader.stateDict();
        break;
      }
    }
    const other = load({ numWorkers: 1 });
    other.loadStateDict(state as never);
    for await (const batch of other) see(batch);
    await other.close();
    expect(shapes[0]).toEqual([4, 4, 2]);
    expect(shapes[2]).toEqual([3, 2, 4]);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('is refused where tokens would be lost', async () => {
    await expect(load().amend({ sequenceLength: 3 })).rejects.toThrow(
      'does not divide the length of the sequences, 8',
    );
    await expect(load().amend({ sequenceLength: 16 })).rejects.toThrow(
      'Make sequences of the longest length',
    );
    await expect(new DataLoader(range(4)).amend({ sequenceLength: 2 })).rejects.toThrow(
      'needs windows or packed rows',
    );
  });
});
