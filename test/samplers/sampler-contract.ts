import fc from 'fast-check';
import { BatchSampler, DistributedSampler, type JsonObject, type Sampler } from 'millrace';
import { describe, expect, it } from 'vitest';

/** Makes a sampler over `length` samples; equal arguments must give equal samplers. */
export type CreateSampler = (length: number, seed: number) => Sampler;

/** What is so of one kind of sampler and not of another. */
export interface ContractTraits {
  /** Every index of `0 … length - 1` comes exactly once an epoch. */
  readonly permutes: boolean;
  /** Epochs and seeds differ; otherwise all orders are alike. */
  readonly random: boolean;
  /** The order is drawn from a generator that was given: each iteration is another pass, and there is a state. */
  readonly drawn: boolean;
}

const lengths = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1000, max: 3000 }));
const seeds = fc.nat(1000);

/** What every sampler promises. */
export function samplerContract(name: string, traits: ContractTraits, create: CreateSampler): void {
  describe(`${name} keeps the sampler contract`, () => {
    it('seek(k) goes on as if the first k indices had been drawn and dropped, once', () => {
      fc.assert(
        fc.property(lengths, seeds, fc.nat(), fc.nat(5), (length, seed, k, epoch) => {
          const [sought, dropped] = [create(length, seed), create(length, seed)];
          for (const sampler of [sought, dropped]) sampler.setEpoch!(epoch);
          const position = k % (dropped.length + 1);
          sought.seek!(position);
          expect([...sought]).toEqual([...dropped].slice(position));
          expect([...sought]).toEqual([...dropped]);
        }),
      );
    });

    it('refuses to seek outside the epoch, and epochs that are not whole', () => {
      const sampler = create(10, 0);
      for (const position of [-1, 0.5, sampler.length + 1])
        expect(() => sampler.seek!(position)).toThrow('position');
      for (const epoch of [-1, 0.5]) expect(() => sampler.setEpoch!(epoch)).toThrow('epoch');
    });

    it('gives as many indices as its length says, all of them of the dataset', () => {
      fc.assert(
        fc.property(lengths, seeds, (length, seed) => {
          const sampler = create(length, seed);
          const indices = [...sampler];
          expect(indices).toHaveLength(sampler.length);
          expect(indices.every((index) => Number.isInteger(index) && index >= 0 && index < length)).toBe(
            true,
          );
          if (traits.permutes) expect(new Set(indices).size).toBe(length);
        }),
      );
    });

    it('gives equal samplers equal orders and fingerprints', () => {
      fc.assert(
        fc.property(lengths, seeds, fc.nat(5), (length, seed, epoch) => {
          const [one, other] = [create(length, seed), create(length, seed)];
          for (const sampler of [one, other]) sampler.setEpoch!(epoch);
          expect([...one]).toEqual([...other]);
          expect(one.fingerprint!()).toBe(other.fingerprint!());
        }),
      );
    });

    it(`gives ${traits.random ? 'another order' : 'the same order'} each epoch`, () => {
      const sampler = create(500, 3);
      const orders = [0, 1, 2].map((epoch) => {
        sampler.setEpoch!(epoch);
        return String([...sampler]);
      });
      expect(new Set(orders).size).toBe(traits.random ? 3 : 1);
    });

    it('tells other lengths and, unless a state does, other seeds apart by the fingerprint', () => {
      expect(create(20, 1).fingerprint!()).not.toBe(create(21, 1).fingerprint!());
      const sameSeed = create(20, 1).fingerprint!() === create(20, 2).fingerprint!();
      expect(sameSeed).toBe(traits.drawn || !traits.random);
      if (traits.random) expect([...create(500, 1)]).not.toEqual([...create(500, 2)]);
    });

    if (traits.drawn) stateContract(create);
    else computedContract(create);
  });
}

function computedContract(create: CreateSampler): void {
  it('gives the same order when an epoch is iterated again, also while it is iterated', () => {
    const sampler = create(200, 8);
    const [first, second] = [sampler[Symbol.iterator](), sampler[Symbol.iterator]()];
    const interleaved = Array.from({ length: sampler.length }, () => [
      first.next().value,
      second.next().value,
    ]);
    for (const [one, other] of interleaved) expect(one).toBe(other);
    expect([...sampler]).toEqual(interleaved.map(([one]) => one));
  });

  it('says when a sample is seen, on every rank: the same as walking through the epochs', () => {
    const layout = fc.record({
      batchSize: fc.integer({ min: 1, max: 9 }),
      worldSize: fc.integer({ min: 1, max: 4 }),
      gradientAccumulationSteps: fc.integer({ min: 1, max: 3 }),
      dropLast: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), seeds, fc.nat(), layout, (length, seed, pick, layout) => {
        const sampler = create(length, seed);
        // Shares the order out itself; its own test walks through all ranks.
        if (sampler instanceof DistributedSampler) return;
        const options = { ...layout, batchSize: sampler.batchSize ?? layout.batchSize };
        const sample = pick % length;
        const walked: unknown[] = [];
        for (const epoch of [0, 1, 2]) {
          sampler.setEpoch!(epoch);
          const { batchSize, dropLast } = options;
          for (const [step, batch] of [...new BatchSampler(sampler, { batchSize, dropLast })].entries())
            walked.push(...sightingsByHand(batch, sample, { epoch, step }, options));
        }
        expect(sampler.whenSeen!(sample, { epochs: 3, ...options })).toEqual(walked);
      }),
    );
  });

  it('needs no state', () => {
    expect(create(10, 0).stateDict?.()).toBeUndefined();
  });
}

function stateContract(create: CreateSampler): void {
  const throughJson = (state: JsonObject) => JSON.parse(JSON.stringify(state)) as JsonObject;

  it('goes on in another process from a state of any position of any pass', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), seeds, fc.nat(3), fc.nat(), (length, seed, passes, k) => {
        const original = create(length, seed);
        for (let pass = 0; pass < passes; pass++) expect([...original]).toHaveLength(original.length);
        const iterator = original[Symbol.iterator]();
        const taken = k % (original.length + 1);
        for (let i = 0; i < taken; i++) iterator.next();
        const restored = create(length, seed + 1);
        restored.loadStateDict!(throughJson(original.stateDict!()));
        expect(restored.stateDict!()).toEqual(original.stateDict!());
        expect([...restored]).toEqual([...iteratorRest(iterator)]);
        expect([...restored]).toEqual([...original]);
      }),
    );
  });

  it('counts a loaded pass as over when the next epoch begins', () => {
    const original = create(30, 5);
    const iterator = original[Symbol.iterator]();
    for (let i = 0; i < 7; i++) iterator.next();
    const state = throughJson(original.stateDict!());
    iteratorRest(iterator);
    const restored = create(30, 99);
    restored.loadStateDict!(state);
    restored.setEpoch!(1);
    expect([...restored]).toEqual([...original]);
  });

  it('refuses a state that is none, naming the field', () => {
    expect(() => create(10, 0).loadStateDict!({ epoch: 0, position: 0 })).toThrow('generator');
    expect(() => create(10, 0).loadStateDict!({ epoch: 0, position: 0, generator: 'AAAA' })).toThrow('state');
  });
}

/** Shares out a batch as the loader does, and notes who gets the sample. */
function sightingsByHand(
  batch: readonly number[],
  sample: number,
  place: { epoch: number; step: number },
  { worldSize, gradientAccumulationSteps }: { worldSize: number; gradientAccumulationSteps: number },
) {
  const parts = <T>(items: readonly T[], count: number): T[][] =>
    Array.from({ length: count }, (_, part) =>
      items.length < count
        ? [items[part % items.length]!]
        : items.slice(
            Math.floor((part * items.length) / count),
            Math.floor(((part + 1) * items.length) / count),
          ),
    );
  const entries = batch.map((index, position) => ({ index, position }));
  const found = parts(entries, gradientAccumulationSteps).flatMap((micro, microBatch) =>
    parts(micro, worldSize).flatMap((own, rank) =>
      own.flatMap(({ index, position }, slot) =>
        index === sample ? [{ position, sighting: { ...place, microBatch, rank, slot } }] : [],
      ),
    ),
  );
  // One position after the other; a repeated one stays in the order of its micro-batches and ranks.
  return found.sort((a, b) => a.position - b.position).map(({ sighting }) => sighting);
}

function iteratorRest(iterator: Iterator<number>): number[] {
  const rest: number[] = [];
  for (let result = iterator.next(); !result.done; result = iterator.next()) rest.push(result.value);
  return rest;
}
