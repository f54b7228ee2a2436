// Runs that change in the middle: every source goes on in its own order, over ranks, restarts and accumulation.
import fc from 'fast-check';
import { DataLoader, type LoaderState, MixtureDataset } from 'millrace';
import { CapabilityError, ConfigError, LoaderNotReadyError, StateMismatchError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { verifyReceipt } from 'millrace/receipts';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { collect, range } from './collect.js';

/** A sample is a number that tells its source, its pass over the source, and its index. */
const source = (length: number, s: number) => ({
  length,
  get: (index: number, { epoch }: { epoch: number }) => sampleOf({ source: s, epoch, index }),
});
const sampleOf = ({ source, epoch, index }: { source: number; epoch: number; index: number }) =>
  source * 1e9 + epoch * 1e3 + index;
const sourceOf = (sample: number) => Math.floor(sample / 1e9);
const indexOf = (sample: number) => sample % 1e3;
const weight = fc.constantFrom(0, 0.1, 0.25, 1, 3);
const weightsFor = (sources: number) =>
  fc
    .array(weight, { minLength: sources, maxLength: sources })
    .map((w) => (w.some((x) => x > 0) ? w : w.map(() => 1)));

const run = fc
  .record({
    lengths: fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 5 }),
    batchSize: fc.integer({ min: 6, max: 10 }),
    seed: fc.nat(99),
    length: fc.integer({ min: 1, max: 90 }),
  })
  .chain((of) =>
    fc.record({
      lengths: fc.constant(of.lengths),
      batchSize: fc.constant(of.batchSize),
      seed: fc.constant(of.seed),
      length: fc.constant(of.length),
      weights: weightsFor(of.lengths.length),
      amendments: fc.array(
        fc.record(
          {
            /** Steps from the amendment before. */
            after: fc.integer({ min: 0, max: 6 }),
            weights: weightsFor(of.lengths.length),
            batchSize: fc.integer({ min: 6, max: 12 }),
            /** Whether it is made at its step, or before the run. */
            isLive: fc.boolean(),
          },
          { requiredKeys: ['after', 'weights', 'isLive'] },
        ),
        { maxLength: 5 },
      ),
      /** After so many steps, the run goes on in other processes. */
      restarts: fc.array(
        fc.record({ after: fc.integer({ min: 0, max: 9 }), worldSize: fc.integer({ min: 1, max: 3 }) }),
        {
          maxLength: 3,
        },
      ),
      accumulation: fc.constantFrom(1, 2),
    }),
  );
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

const mixtureOf = ({ lengths, length, seed, weights }: Run) =>
  new MixtureDataset(lengths.map(source), { weights, seed, length });

function loaderOf(of: Run, worldSize = 1, rank = 0): DataLoader<number, 'float64'> {
  const { batchSize, accumulation: gradientAccumulationSteps } = of;
  const options = { batchSize, numberDtype: 'float64', gradientAccumulationSteps, worldSize, rank } as const;
  return new DataLoader(mixtureOf(of), options);
}

/** Amendments with their steps. */
function scheduled({ amendments }: Run) {
  let at = 0;
  return amendments.map(({ after, isLive, ...change }) => {
    at += after;
    return { at, isLive, change };
  });
}

const steps = 30;

interface Trained {
  readonly batches: number[][];
  readonly states: LoaderState[];
}

/** Runs all steps in ranks that restart, and returns every global batch and the state after it. */
async function train(of: Run): Promise<Trained> {
  const all = scheduled(of);
  const batches: number[][] = [];
  const states: LoaderState[] = [];
  let state: LoaderState | undefined;
  for (const { after, worldSize } of [...of.restarts, { after: steps, worldSize: 1 }]) {
    const ranks = Array.from({ length: worldSize }, (_, rank) => loaderOf(of, worldSize, rank));
    for (const loader of ranks) {
      if (state) {
        loader.loadStateDict(JSON.parse(JSON.stringify(state)));
        await loader.ready();
      } else for (const { at, isLive, change } of all) if (!isLive) await loader.amend({ at, ...change });
    }
    const passes = ranks.map((loader) => loader[Symbol.asyncIterator]());
    const end = Math.min(steps, batches.length + after);
    const amendLive = async (step: number) => {
      for (const { at, isLive, change } of all)
        if (isLive && at === step) for (const loader of ranks) await loader.amend(change);
    };
    while (batches.length < end) {
      await amendLive(batches.length);
      const parts: number[][] = [];
      for (let micro = 0; micro < of.accumulation; micro++) {
        for (const [rank, loader] of ranks.entries()) {
          let next = await passes[rank]!.next();
          if (next.done) {
            passes[rank] = loader[Symbol.asyncIterator]();
            next = await passes[rank]!.next();
          }
          parts.push(Array.from((next.value as { data: Float64Array }).data));
        }
      }
      // A last batch of an epoch with fewer samples than parts repeats some of them.
      batches.push([...new Set(parts.flat())]);
      states.push(ranks[0]!.stateDict());
    }
    state = ranks[0]!.stateDict();
  }
  return { batches, states };
}

/** Live amendments at a step come after those that were made before the run. */
function amendmentsInEffect(of: Run) {
  const all = scheduled(of);
  return [...all.filter(({ isLive }) => !isLive), ...all.filter(({ isLive }) => isLive)];
}

/** Each source's samples are its own order without a gap or a repeat. */
function checkSources(of: Run, batches: readonly number[][]): void {
  for (const [s, length] of of.lengths.entries()) {
    const weights = of.lengths.map((_, k) => (k === s ? 1 : 0));
    const alone = new MixtureDataset(of.lengths.map(source), { weights, seed: of.seed, length: 10_000 });
    const seen = batches.flat().filter((sample) => sourceOf(sample) === s);
    expect(seen).toEqual(seen.map((_, k) => sampleOf(alone.originOf(k))));
    expect(new Set(seen.slice(0, length)).size).toBe(Math.min(length, seen.length));
  }
}

/** Each step has the batch size and the shares of the amendments before it. */
function checkChanges(of: Run, batches: readonly number[][]): void {
  const { length } = mixtureOf(of);
  let left = length;
  const owed = new Float64Array(of.lengths.length);
  const counts = new Float64Array(of.lengths.length);
  for (const [step, batch] of batches.entries()) {
    const past = amendmentsInEffect(of).filter(({ at }) => at <= step);
    const latest = <K extends 'weights' | 'batchSize'>(key: K): Run[K] => {
      const having = past.filter(({ change }) => change[key] !== undefined);
      const at = Math.max(-1, ...having.map((entry) => entry.at));
      return (having.findLast((entry) => entry.at === at)?.change[key] ?? of[key]) as Run[K];
    };
    const size = Math.min(left, latest('batchSize'));
    expect(batch).toHaveLength(size);
    left = left === size ? length : left - size;
    const weights = latest('weights');
    const sum = weights.reduce((total, share) => total + share);
    for (const s of counts.keys()) owed[s]! += (size * weights[s]!) / sum;
    for (const sample of batch) counts[sourceOf(sample)]! += 1;
    // Each change may leave a source a sample further from its share than before.
    const most = (Math.log2(of.lengths.length) + 1) * (1 + past.length);
    for (const s of counts.keys()) expect(Math.abs(counts[s]! - owed[s]!)).toBeLessThanOrEqual(most);
  }
}

/** A loader in another process knows the run from its last state, without reading a sample. */
async function checkBothWays(of: Run, { batches, states }: Trained, pick: number): Promise<void> {
  const loader = loaderOf(of);
  loader.loadStateDict(states.at(-1)!);
  await loader.ready();
  const { epoch, step } = states[pick]!;
  const mixture = loader.dataset as MixtureDataset<number>;
  const layout = { rank: 0, worldSize: 1, gradientAccumulationSteps: 1 };
  const planned = [...loader.order({ epoch, step }, layout)].map(({ indices }) =>
    Array.from(indices, (index) => sampleOf(mixture.originOf(index, epoch))),
  );
  const walked = batches.slice(pick + 1, pick + 1 + planned.length);
  expect(planned.slice(0, walked.length)).toEqual(walked);
  const starts = [0, ...states.flatMap((state, k) => (state.step === 0 ? [k + 1] : []))];
  const sample = batches[pick]![0]!;
  const sighted = loader
    .whenSeen({ source: sourceOf(sample), index: indexOf(sample) }, { epochs: starts.length })
    .map((at) => starts[at.epoch]! + at.step)
    .filter((at) => at < steps);
  const same = (other: number) => sourceOf(other) === sourceOf(sample) && indexOf(other) === indexOf(sample);
  const seen = batches.flatMap((batch, at) => batch.filter(same).map(() => at));
  expect([...new Set(sighted)]).toEqual([...new Set(seen)]);
}

describe('an amended run', () => {
  it('gives each source in its own order, with the requested sizes and shares, the same in both directions', async () => {
    await fc.assert(
      fc.asyncProperty(run, fc.nat(steps - 1), async (of, pick) => {
        const trained = await train(of);
        checkSources(of, trained.batches);
        checkChanges(of, trained.batches);
        await checkBothWays(of, trained, pick);
      }),
      { numRuns: searchSize({ short: 15, long: 2000 }) },
    );
  });

  const two = () => new MixtureDataset([range(50), range(30)], { weights: [1, 1], seed: 2 });
  const load = (options = {}) => new DataLoader(two(), { batchSize: 4, ...options });

  it('has the same batches with workers, amended while they make batches ahead', async () => {
    const runs = [0, 2].map(async (numWorkers) => {
      await using loader = load({ numWorkers });
      const batches: number[][] = [];
      for await (const batch of loader) {
        batches.push(Array.from(batch.data));
        if (batches.length === 3) await loader.amend({ weights: [1, 0], batchSize: 6 });
        if (batches.length === 5) await loader.amend({ at: 8, weights: [0, 1] });
      }
      expect(verifyReceipt(loader, loader.receipt()).difference).toBeUndefined();
      return batches;
    });
    const [none, some] = await Promise.all(runs);
    expect(some).toEqual(none);
    expect(none!.map((batch) => batch.length)).toEqual([4, 4, 4, ...Array(11).fill(6), 2]);
  });

  it.each([
    ['at the first amendment', false],
    ['when amendments were opened before', true],
  ])('leaves a batch that was asked for before as it was, %s', async (_, opened) => {
    const [loader, plain] = [load(), load()];
    if (opened) await loader.amend({ at: 1, batchSize: 6 });
    const pass = loader[Symbol.asyncIterator]();
    const asked = pass.next();
    await loader.amend({ batchSize: 8 });
    const sizes = [(await asked).value, (await pass.next()).value].map((batch) => batch!.data.length);
    expect(sizes).toEqual([4, 8]);
    expect(Array.from((await plain[Symbol.asyncIterator]().next()).value!.data)).toHaveLength(4);
  });

  it('keeps leases, and is refused while one is not acknowledged', async () => {
    const loader = load();
    const sizes: number[] = [];
    for await (const lease of loader.leases({ inFlight: 2 })) {
      sizes.push(lease.batch.data.length);
      if (sizes.length === 2) await expect(loader.amend({ batchSize: 7 })).rejects.toThrow(CapabilityError);
      lease.ack();
      if (sizes.length === 3) await loader.amend({ batchSize: 17 });
    }
    expect(sizes).toEqual([4, 4, 4, 17, 17, 17, 17]);
  });

  it('loses no sample when it is amended while the first lease is on its way', async () => {
    let give = (): void => {};
    const given = new Promise<void>((resolve) => {
      give = resolve;
    });
    const dataset = { length: 40, get: (index: number) => given.then(() => index) };
    const loader = new DataLoader(dataset, { batchSize: 4 });
    await loader.amend({ at: 1, batchSize: 6 });
    const leases = loader.leases({ inFlight: 2 });
    const asked = leases.next();
    await loader.amend({ batchSize: 17 });
    give();
    const { value: first } = await asked;
    const samples = [[...first!.batch.data]];
    first!.ack();
    for await (const lease of leases) {
      samples.push([...lease.batch.data]);
      lease.ack();
    }
    expect(samples.map(({ length }) => length)).toEqual([4, 17, 17, 2]);
    expect(samples.flat()).toEqual(Array.from({ length: 40 }, (_, index) => index));
  });

  it('has a state under 4 KB with a hundred amendments', async () => {
    const loader = load();
    for (let k = 0; k < 100; k++) await loader.amend({ at: 100_000 + 10 * k, weights: [0.75, k / 100] });
    for await (const _ of loader) break;
    expect(JSON.stringify(loader.stateDict()).length).toBeLessThan(4096);
  });
});

describe('the state of an amended run', () => {
  const load = () =>
    new DataLoader(new MixtureDataset([range(50), range(30)], { weights: [1, 1] }), { batchSize: 4 });
  const trainTo = async (loader: DataLoader<number>, step: number) => {
    for await (const _ of loader) if (loader.stateDict().step === step) break;
    return loader.stateDict();
  };

  it('of before an amendment loads after it', async () => {
    const state = await trainTo(load(), 5);
    const loader = load();
    await loader.amend({ at: 9, batchSize: 8 });
    loader.loadStateDict(state);
    expect((await collect(loader)).map((batch) => batch.length)).toEqual([4, 4, 4, 4, 8, 8, 8, 8, 8, 4]);
  });

  it('is accepted if its past is the same: later amendments may differ', async () => {
    const first = load();
    await first.amend({ at: 3, weights: [1, 0] });
    await first.amend({ at: 12, weights: [0, 1] });
    const state = await trainTo(first, 10);
    const other = load();
    await other.amend({ at: 3, weights: [1, 0] });
    await other.amend({ at: 14, batchSize: 10 });
    other.loadStateDict(state);
    expect((await collect(other)).map((batch) => batch.length)).toEqual([4, 4, 4, 4, 10, 10, 4]);
    expect(other.stateDict().amendments).toEqual({ weights: [[3, 1, 0]], batchSize: [[14, 10]] });
  });

  it.each([
    ['another change', { at: 3, weights: [0, 1] }, 3],
    ['an earlier change', { at: 2, weights: [1, 0] }, 2],
    ['a later change', { at: 5, batchSize: 8 }, 3],
  ])('is refused after %s, naming the first step that differs', async (_, amendment, step) => {
    const first = load();
    await first.amend({ at: 3, weights: [1, 0] });
    const state = await trainTo(first, 10);
    const other = load();
    await other.amend(amendment);
    expect(() => other.loadStateDict(state)).toThrow(StateMismatchError);
    expect(() => other.loadStateDict(state)).toThrow(`at global step ${step}`);
    // The loader is as it was.
    expect(other.stateDict().step).toBe(0);
  });

  it('is refused by a run that was not amended there', async () => {
    const other = load();
    await other.amend({ at: 3, weights: [1, 0] });
    const state = await trainTo(load(), 10);
    expect(() => other.loadStateDict(state)).toThrow('at global step 3: nothing changes there');
    const receipt = other.receipt();
    expect(verifyReceipt(load(), receipt).difference).toBeUndefined();
    await trainTo(other, 10);
    expect(() => verifyReceipt(load(), other.receipt())).toThrow('at global step 3');
  });

  it('is refused if its amendments are damaged', async () => {
    const loader = new DataLoader<number>(range(8), { batchSize: 2 });
    await loader.amend({ at: 1, batchSize: 4 });
    const state = loader.stateDict();
    for (const batchSize of [[[1, 'x']], [[1]], [[-1, 2]], [[1, 2, 3]], 5]) {
      const other = new DataLoader<number>(range(8), { batchSize: 2 });
      const load = async () => {
        other.loadStateDict({ ...state, amendments: { batchSize } });
        await collect(other);
      };
      await expect(load()).rejects.toThrow(/^Loader state: amendments\.batchSize/);
    }
  });

  it('says what to wait for before it is applied', async () => {
    const first = load();
    await first.amend({ at: 3, weights: [1, 0] });
    const loader = load();
    loader.loadStateDict(await trainTo(first, 10));
    expect(() => loader.stateDict()).toThrow(LoaderNotReadyError);
    await loader.ready();
    expect(loader.stateDict()).toEqual(first.stateDict());
  });
});

describe('what cannot be amended is refused', () => {
  const mixture = (options = {}) => new MixtureDataset([range(8), range(0)], { weights: [1, 0], ...options });
  const refuse = (loader: DataLoader<number>, amendment: object) => expect(loader.amend(amendment)).rejects;

  it('a step that is over, and an amendment that changes nothing', async () => {
    const loader = new DataLoader<number>(range(40), { batchSize: 4 });
    loader.seek({ epoch: 1, step: 2 });
    await refuse(loader, { at: 11, batchSize: 2 }).toThrow(
      'at: is 11, but the first step of which no batch was requested is 12',
    );
    await refuse(loader, {}).toThrow('changes nothing');
    await refuse(loader, { batchsize: 2 }).toThrow('did you mean batchSize');
    await loader.amend({ at: 12, batchSize: 2 });
  });

  it('weights that do not fit the sources', async () => {
    const loader = new DataLoader<number>(mixture(), { batchSize: 4 });
    await refuse(loader, { weights: [1] }).toThrow('weights: has 1 numbers for 2 sources');
    await refuse(loader, { weights: [0, 0] }).toThrow('must not all be 0');
    await refuse(loader, { weights: [1, 1] }).toThrow('weights.1: is 1, but that source has no samples');
    await refuse(new DataLoader<number>(range(8)), { weights: [1] }).toThrow('needs a MixtureDataset');
    await refuse(new DataLoader<number>(mixture(), { shuffle: true }), { weights: [1, 0] }).toThrow(
      'RandomSampler',
    );
    expect(loader.stateDict()).not.toHaveProperty('amendments');
  });

  it('batches that are too small for the ranks, and schedules that would move', async () => {
    await refuse(new DataLoader<number>(range(8), { batchSize: 4, worldSize: 2 }), { batchSize: 1 }).toThrow(
      'worldSize 2',
    );
    const schedule = [
      { step: 0, weights: [1, 0] },
      { step: 9, weights: [2, 0] },
    ];
    const scheduled = () =>
      new DataLoader<number>(mixture({ weights: undefined, schedule, batchSize: 4, length: 80 }), {
        batchSize: 4,
      });
    await refuse(scheduled(), { at: 5, batchSize: 8 }).toThrow('at step 9: pass weights too');
    await scheduled().amend({ at: 5, batchSize: 8, weights: [1, 0] });
    await scheduled().amend({ at: 9, batchSize: 8 });
  });

  it('orders that are not computed, and streams', async () => {
    const stream = { iterate: async function* () {} };
    await refuse(new DataLoader<number>(stream as never), { batchSize: 2 }).toThrow(CapabilityError);
    const drawn = new DataLoader<number>(range(8), { shuffle: true, generator: new TorchGenerator(1) });
    await refuse(drawn, { batchSize: 2 }).toThrow('draws its order');
    await refuse(new DataLoader<number>(range(8), { uneven: 'short' }), { batchSize: 2 }).toThrow(
      'evaluation',
    );
    await refuse(new DataLoader<number>(range(8)), { weights: 3 }).toThrow(ConfigError);
  });
});
