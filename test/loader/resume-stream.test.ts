import fc from 'fast-check';
import { DataLoader, type IterableDataset, type Sampler, workerDataset } from 'millrace';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { batchesOf } from './collect.js';

interface Read {
  readonly sample: number;
  /** Whether the stream began at a state, and how many samples it has read since. */
  readonly resumed: number;
  readonly read: number;
}

const resumable = new URL('../fixtures/resumable.js', import.meta.url);
const warnings: string[] = [];
const listen = (warning: Error & { code?: string }): void => {
  if (warning.code === 'MILLRACE_FAST_FORWARD') warnings.push(warning.message);
};

beforeEach(async () => {
  await nextTurn();
  warnings.length = 0;
  process.on('warning', listen);
});
afterEach(() => {
  process.off('warning', listen);
});

/** Warnings come with the next turn of the event loop. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

async function samplesOf(loader: DataLoader<Read>, count = Number.POSITIVE_INFINITY): Promise<Read[][]> {
  const batches: Read[][] = [];
  for await (const { sample, resumed, read } of loader) {
    const rows = Array.from(sample.data, (value, k) => ({
      sample: value,
      resumed: resumed.data[k]!,
      read: read.data[k]!,
    }));
    batches.push(rows);
    if (batches.length >= count) break;
  }
  return batches;
}

const plain = (batches: Read[][]) => batches.map((batch) => batch.map(({ sample }) => sample));

describe('a stream with a state of its own', () => {
  it('continues where it was, with any number of workers and ranks, and reads nothing again', async () => {
    const plan = fc.record({
      numShards: fc.integer({ min: 1, max: 3 }),
      samples: fc.integer({ min: 1, max: 12 }),
      batchSize: fc.integer({ min: 2, max: 4 }),
      gradientAccumulationSteps: fc.integer({ min: 1, max: 2 }),
      stateful: fc.boolean(),
    });
    const workers = fc.constantFrom(0, 0, 1, 2);
    await fc.assert(
      fc.asyncProperty(plan, workers, workers, fc.nat(), async (given, before, after, pick) => {
        const { batchSize, gradientAccumulationSteps, ...options } = given;
        const make = (numWorkers: number) =>
          new DataLoader<Read>(workerDataset<IterableDataset<Read>>(resumable, { options }) as never, {
            batchSize,
            gradientAccumulationSteps,
            numWorkers,
          });
        const whole = make(0);
        const all = await samplesOf(whole);
        fc.pre(all.length > 0);
        const cut = 1 + (pick % all.length);
        const first = make(before);
        expect(plain(await samplesOf(first, cut))).toEqual(plain(all.slice(0, cut)));
        const state = JSON.parse(JSON.stringify(first.stateDict()));
        await first.close();
        const second = make(after);
        await second.ready();
        second.loadStateDict(state);
        const rest = await samplesOf(second);
        expect(plain(rest)).toEqual(plain(all.slice(cut)));
        if (given.stateful) {
          for (const { resumed, read } of rest.flat()) {
            if (resumed) expect(read).toBeLessThanOrEqual((rest.length + 1) * batchSize);
          }
          if (options.numShards === 1) expect(rest.flat().every(({ resumed }) => resumed === 1)).toBe(true);
        }
        await second.close();
      }),
      { numRuns: 40 },
    );
  });
});

describe('what cannot seek', () => {
  it('is read again, with a warning that says how much, how long, and what to do', async () => {
    const make = (stateful: boolean) =>
      new DataLoader<Read>(
        workerDataset<IterableDataset<Read>>(resumable, { options: { stateful } }) as never,
        {
          batchSize: 2,
        },
      );
    for (const stateful of [true, false]) {
      const first = make(stateful);
      await samplesOf(first, 3);
      const second = make(stateful);
      await second.ready();
      second.loadStateDict(first.stateDict());
      await samplesOf(second);
      await nextTurn();
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/3 batches were read again .* in \d.* s\. .*stateDict\(\)/);
  });

  it('is drawn and dropped where it is a sampler, unless it has a state', async () => {
    class Countdown implements Sampler {
      readonly length = 9;
      [Symbol.iterator](): Iterator<number> {
        return [8, 7, 6, 5, 4, 3, 2, 1, 0][Symbol.iterator]();
      }
    }
    class Stateful extends Countdown {
      #given = 0;
      override *[Symbol.iterator](): Generator<number> {
        const rest = [...{ [Symbol.iterator]: () => super[Symbol.iterator]() }].slice(this.#given);
        for (const index of rest) {
          this.#given += 1;
          yield index;
        }
        this.#given = 0;
      }
      stateDict() {
        return { given: this.#given };
      }
      loadStateDict({ given }: { given?: unknown }) {
        this.#given = given as number;
      }
    }
    for (const Class of [Countdown, Stateful]) {
      const load = () =>
        new DataLoader({ length: 9, get: (index: number) => index }, { batchSize: 2, sampler: new Class() });
      const first = load();
      for await (const _ of first) if (first.stateDict().step === 2) break;
      const second = load();
      second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
      expect((await batchesOf(second)).map(({ data }) => [...data])).toEqual([[4, 3], [2, 1], [0]]);
      await nextTurn();
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^Countdown cannot seek: 2 batches were drawn and dropped .* seek\(position\)/,
    );
  });
});
