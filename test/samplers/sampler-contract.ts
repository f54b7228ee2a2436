import fc from 'fast-check';
import { BatchSampler, DistributedSampler, type JsonObject, type Sampler } from 'millrace';
import { describe, expect, it } from 'vitest';

/** Makes a sampler over `length` samples; equal arguments must give equal samplers. */
export type CreateSampler = (length: number, seed: number) => Sampler;

/** Properties that differ between samplers. */
export interface ContractTraits {
  /** Each epoch contains every index of `0 … length - 1` exactly once. */
  readonly permutes: boolean;
  /** The order depends on epoch and seed. */
  readonly random: boolean;
  /** The order is drawn from a generator of the caller: each iteration is another pass, and the sampler has a state. */
  readonly drawn: boolean;
}

const lengths = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1000, max: 3000 }));
const seeds = fc.nat(1000);

/** Tests what every sampler promises. */
export function samplerContract(name: string, traits: ContractTraits, create: CreateSampler): void {
  describe(`${name} keeps the sampler contract`, () => {
    it('seek(k) skips the first k indices of the next iteration, and only of that one', () => {
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

    it('refuses positions outside of the epoch, and epochs that are not whole numbers', () => {
      const sampler = create(10, 0);
      for (const position of [-1, 0.5, sampler.length + 1])
        expect(() => sampler.seek!(position)).toThrow('position');
      for (const epoch of [-1, 0.5]) expect(() => sampler.setEpoch!(epoch)).toThrow('epoch');
    });

    it('returns as many indices as its length, each of them in the dataset', () => {
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

    it('has the same order and fingerprint for the same arguments', () => {
      fc.assert(
        fc.property(lengths, seeds, fc.nat(5), (length, seed, epoch) => {
          const [one, other] = [create(length, seed), create(length, seed)];
          for (const sampler of [one, other]) sampler.setEpoch!(epoch);
          expect([...one]).toEqual([...other]);
          expect(one.fingerprint!()).toBe(other.fingerprint!());
        }),
      );
    });

    it(`has ${traits.random ? 'another order' : 'the same order'} in each epoch`, () => {
      const sampler = create(500, 3);
      const orders = [0, 1, 2].map((epoch) => {
        sampler.setEpoch!(epoch);
        return String([...sampler]);
      });
      expect(new Set(orders).size).toBe(traits.random ? 3 : 1);
    });

    it('has another fingerprint for another length and, unless its state holds the seed, another seed', () => {
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
  it('repeats the order when an epoch is iterated again, also by interleaved iterators', () => {
    const sampler = create(200, 8);
    const [first, second] = [sampler[Symbol.iterator](), sampler[Symbol.iterator]()];
    const interleaved = Array.from({ length: sampler.length }, () => [
      first.next().value,
      second.next().value,
    ]);
    for (const [one, other] of interleaved) expect(one).toBe(other);
    expect([...sampler]).toEqual(interleaved.map(([one]) => one));
  });

  const offersWhenSeen = create(10, 0).whenSeen !== undefined;
  it.runIf(offersWhenSeen)('whenSeen finds every batch and rank that receives a sample', () => {
    const layout = fc.record({
      batchSize: fc.integer({ min: 1, max: 9 }),
      worldSize: fc.integer({ min: 1, max: 4 }),
      gradientAccumulationSteps: fc.integer({ min: 1, max: 3 }),
      dropLast: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), seeds, fc.nat(), layout, (length, seed, pick, layout) => {
        const sampler = create(length, seed);
        // It divides the order among ranks itself; its own test iterates all ranks.
        if (sampler instanceof DistributedSampler) return;
        const options = { ...layout, batchSize: sampler.batchSize ?? layout.batchSize };
        const sample = pick % length;
        const iterated: unknown[] = [];
        for (const epoch of [0, 1, 2]) {
          sampler.setEpoch!(epoch);
          const { batchSize, dropLast } = options;
          for (const [step, batch] of [...new BatchSampler(sampler, { batchSize, dropLast })].entries())
            iterated.push(...sightingsByHand(batch, sample, { epoch, step }, options));
        }
        expect(sampler.whenSeen!(sample, { epochs: 3, ...options })).toEqual(iterated);
      }),
    );
  });

  it('needs no state', () => {
    expect(create(10, 0).stateDict?.()).toBeUndefined();
  });
}

function stateContract(create: CreateSampler): void {
  const throughJson = (state: JsonObject) => JSON.parse(JSON.stringify(state)) as JsonObject;

  it('continues in another process from a state at any position of any pass', () => {
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

  it('ends a loaded pass when the next epoch begins', () => {
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

  it('refuses an invalid state and names the field', () => {
    expect(() => create(10, 0).loadStateDict!({ epoch: 0, position: 0 })).toThrow('generator');
    expect(() => create(10, 0).loadStateDict!({ epoch: 0, position: 0, generator: 'AAAA' })).toThrow('state');
  });
}

/** Divides a batch as the loader does, and records which ranks receive the sample. */
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
  // The sort is stable: a repeated position keeps the order of its micro-batches and ranks.
  return found.sort((a, b) => a.position - b.position).map(({ sighting }) => sighting);
}

function iteratorRest(iterator: Iterator<number>): number[] {
  const rest: number[] = [];
  for (let result = iterator.next(); !result.done; result = iterator.next()) rest.push(result.value);
  return rest;
}
