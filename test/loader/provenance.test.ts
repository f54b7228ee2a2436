// batch.origin: where each sample of a batch comes from, and the sums of it.
import fc from 'fast-check';
import {
  ConcatDataset,
  DataLoader,
  MapDataset,
  MixtureDataset,
  padCollate,
  Subset,
  workerDataset,
} from 'millrace';
import { CollateError, ConfigError } from 'millrace/errors';
import { LengthWarmup, PackedDataset, packCollate, TokenWindows } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { batchesOf, collect, range } from './collect.js';

const fixture = new URL('../fixtures/corpus.js', import.meta.url);
const corpus = (options: object) => workerDataset<Int32Array>(fixture, { options });

/** Sums up origins in another way than the loader does. */
function sumsOf(origins: readonly Origin[]): object[] {
  const sums: Record<string, { source: number; pass: number; samples: number; tokens: number }> = {};
  for (const origin of origins) {
    for (const part of origin.documents ?? [{ ...origin, start: 0 }]) {
      const { source, pass } = part;
      const name = `${String(source).padStart(3, '0')} ${String(pass).padStart(3, '0')}`;
      sums[name] ??= { source, pass, samples: 0, tokens: 0 };
      sums[name].samples += part.start === 0 ? 1 : 0;
      sums[name].tokens += part.tokens;
    }
  }
  return Object.keys(sums)
    .sort()
    .map((name) => sums[name]!);
}

interface Origin {
  readonly source: number;
  readonly index: number;
  readonly pass: number;
  readonly tokens: number;
  readonly documents?: readonly (Origin & { readonly start: number })[];
}

/** Sources whose samples say themselves what they are. */
function speaking(name: number, length: number) {
  return {
    length,
    get: (index: number) => ({ name, index, ids: new Int32Array((index % 5) + 1).fill(name) }),
  };
}

describe('batch.origin', () => {
  it('names source, index and pass of every sample of nested mixtures, over epochs, ranks and micro-batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          lengths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 3 }),
          weights: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 2 }),
          worldSize: fc.integer({ min: 1, max: 3 }),
          gradientAccumulationSteps: fc.integer({ min: 1, max: 2 }),
          uneven: fc.constantFrom('repeat' as const, 'short' as const),
          reuseBuffers: fc.boolean(),
          seed: fc.nat(9),
        }),
        async ({ lengths, weights, seed, ...layout }) => {
          const [a = 1, b = 1, c = 1] = lengths;
          const inner = new ConcatDataset([speaking(1, b), new Subset(speaking(2, 9), [...Array(c).keys()])]);
          const mixture = new MixtureDataset([speaking(0, a), new MapDataset(inner, (sample) => sample)], {
            weights,
            seed,
          });
          const batchSize = 2 * layout.worldSize * layout.gradientAccumulationSteps;
          const seen = new Map<string, number>();
          for (let rank = 0; rank < layout.worldSize; rank++) {
            const loader = new DataLoader(mixture, {
              ...layout,
              rank,
              batchSize,
              provenance: true,
              collate: padCollate(),
            });
            const all: Origin[] = [];
            for (let epoch = 0; epoch < 3; epoch++) {
              for await (const batch of loader) {
                const names = Array.from(batch.name.data);
                const indices = Array.from(batch.index.data);
                expect(batch.origin.map(({ source }) => source)).toEqual(names);
                expect(batch.origin.map(({ index }) => index)).toEqual(indices);
                expect(batch.origin.map(({ tokens }) => tokens)).toEqual(
                  indices.map((index) => (index % 5) + 1),
                );
                expect(Object.keys(batch)).toEqual(['name', 'index', 'ids']);
                all.push(...batch.origin);
              }
            }
            for (const { source, index, pass } of all) {
              // Source 0 is read pass by pass: each of its samples comes once in each.
              const name = `${source} ${index} ${pass}`;
              seen.set(name, (seen.get(name) ?? 0) + 1);
            }
            expect(loader.stats().sources).toEqual(sumsOf(all));
            expect(loader.receipt().sources).toEqual(sumsOf(all));
          }
          if (layout.uneven === 'short') expect(Math.max(...seen.values())).toBe(1);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('lists the documents of packed rows and windows, on all slices together every token once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 2, max: 16 }),
        fc.constantFrom(1, 2, 3),
        fc.constantFrom('contiguous' as const, 'zigzag' as const),
        fc.nat(20),
        async (lengths, rowLength, cp, style, cut) => {
          const tokens = lengths.reduce((sum, length) => sum + length, 0);
          fc.pre(tokens > rowLength);
          const documents = (from: number, to: number) => ({
            length: to - from,
            sizes: lengths.slice(from, to),
            get: (index: number) => new Int32Array(lengths[from + index]!).fill(from + index),
          });
          const middle = Math.min(cut, lengths.length);
          const parts = [documents(0, middle), documents(middle, lengths.length)];
          const given = { lengths };
          const came = new Map<string, number>();
          for (let rank = 0; rank < cp; rank++) {
            const sequenceSlice = cp === 1 ? {} : { sequenceSlice: { style, rank, worldSize: cp } };
            const packed = new PackedDataset(new ConcatDataset<Int32Array>(parts), {
              ...given,
              ...sequenceSlice,
              rowLength,
            });
            const loader = new DataLoader(packed, { batchSize: 3, shuffle: true, provenance: true });
            const origins: Origin[] = [];
            for await (const batch of loader) {
              const width = packed.sequenceLength;
              for (const [row, { documents = [], tokens }] of batch.origin.entries()) {
                const own = documents.flatMap((of) =>
                  Array<number>(of.tokens).fill(of.index + (of.source === 1 ? middle : 0)),
                );
                expect(
                  Array.from(batch.inputIds.data.subarray(row * width, row * width + own.length)),
                ).toEqual(own);
                expect(tokens).toBe(own.length);
                for (const { source, index, start, tokens } of documents) {
                  for (let k = start; k < start + tokens; k++) {
                    const name = `${source} ${index} ${k}`;
                    came.set(name, (came.get(name) ?? 0) + 1);
                  }
                }
              }
              origins.push(...batch.origin);
            }
            expect(loader.stats().sources).toEqual(sumsOf(origins));
          }
          expect(came.size).toBe(tokens);
          expect(Math.max(...came.values())).toBe(1);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('lists the documents of windows where their lengths are stored, and counts tokens where they are not', async () => {
    const sizes = [3, 0, 5, 2, 9];
    const tokens = sizes.flatMap((size, document) => Array<number>(size).fill(document));
    const source = {
      dtype: 'int32' as const,
      tokenCount: tokens.length,
      sizes,
      readTokens: (start: number, count: number) => Int32Array.from(tokens.slice(start, start + count)),
    };
    const windows = new TokenWindows(source, { length: 4, stride: 3 });
    const loader = new DataLoader(windows, { batchSize: 2, provenance: true });
    for await (const batch of loader) {
      const own = batch.origin.flatMap(({ documents = [] }) =>
        documents.flatMap(({ index, tokens }) => Array<number>(tokens).fill(index)),
      );
      expect(own).toEqual(Array.from(batch.x.data));
    }
    // One document begins in the token that two windows share.
    const [total] = loader.stats().sources;
    expect(total).toEqual({ source: 0, pass: 0, samples: 5, tokens: 4 * windows.length });
    const { data, ...plain } = { ...source, data: Int32Array.from(tokens) };
    const bare = new TokenWindows({ ...plain, shape: [tokens.length], data }, { length: 4 });
    const [first] = await batchesOf(new DataLoader(bare, { batchSize: 2, provenance: true }));
    expect(first!.origin).toEqual([
      { source: 0, index: 0, pass: 0, tokens: 4 },
      { source: 0, index: 1, pass: 0, tokens: 4 },
    ]);
  });

  it('lists what a length warm-up keeps of the documents, at each step', async () => {
    const documents = { length: 6, sizes: [4, 4, 4, 4, 4, 4], get: () => new Int32Array(4) };
    const packed = new PackedDataset(documents, { rowLength: 8, shuffle: false });
    for (const [cut, kept] of [
      ['truncate', [3, 8, 8]],
      ['split', [6, 8, 8]],
    ] as const) {
      const schedule = { type: 'discrete', difficulties: [3, 8], lastSteps: [1] } as const;
      const dataset = new LengthWarmup(packed, { minLength: 3, schedule, cut });
      const loader = new DataLoader(dataset, { batchSize: 1, provenance: true });
      const origins = (await batchesOf(loader)).flatMap(({ origin }) => origin);
      expect(origins.map(({ tokens }) => tokens)).toEqual(kept);
      expect(origins[0]!.documents!.map(({ tokens }) => tokens)).toEqual(cut === 'truncate' ? [3] : [4, 2]);
    }
  });

  it('follows a mixture whose weights are amended', async () => {
    const mixture = new MixtureDataset([speaking(0, 5), speaking(1, 5)], { weights: [1, 1], length: 24 });
    const loader = new DataLoader(mixture, { batchSize: 4, provenance: true, collate: padCollate() });
    await loader.amend({ at: 3, weights: [1, 0] });
    const batches = await batchesOf(loader);
    for (const { name, index, origin } of batches) {
      expect(origin.map(({ source }) => source)).toEqual(Array.from(name.data));
      expect(origin.map(({ index }) => index)).toEqual(Array.from(index.data));
    }
    const last = batches.slice(3).flatMap(({ origin }) => origin.map(({ source }) => source));
    expect(new Set(last)).toEqual(new Set([0]));
  });

  it('is the same from workers, lent or owned, collated there or here, and counts samples that are packed', async () => {
    const origins = async (options: object): Promise<unknown> => {
      const loader = new DataLoader(corpus({ length: 20 }), {
        batchSize: 4,
        shuffle: true,
        provenance: true,
        ...options,
      } as object);
      const all: unknown[] = [];
      for await (const batch of loader) all.push((batch as unknown as { origin: unknown }).origin);
      await loader.close();
      return all;
    };
    const collate = packCollate({});
    const expected = await origins({ collate });
    expect((expected as unknown[][]).flat()).toHaveLength(20);
    expect((expected as Origin[][]).flat().reduce((sum, { tokens }) => sum + tokens, 0)).toBe(210);
    for (const reuseBuffers of [false, true]) {
      expect(await origins({ collate, numWorkers: 2, reuseBuffers })).toEqual(expected);
    }
    expect(await origins({ collate: (samples: unknown[]) => [...samples], numWorkers: 1 })).toEqual(expected);
  });

  it('names the samples that came: not the skipped ones, and those that replaced others', async () => {
    const dataset = {
      length: 12,
      get(index: number) {
        if ([1, 4, 5].includes(index)) throw new Error('broken');
        return index;
      },
    };
    for (const onError of ['skip', 'replace'] as const) {
      for (const batchSize of [2, 3]) {
        const loader = new DataLoader(dataset, { batchSize, onError, maxFailures: 5, provenance: true });
        for await (const batch of loader)
          expect(batch.origin.map(({ index }) => index)).toEqual(Array.from(batch.data));
      }
    }
  });

  it('is on leases too, and receipts count what was acknowledged', async () => {
    const loader = new DataLoader(range(6), { batchSize: 2, provenance: true });
    const held: { ack(): void }[] = [];
    for await (const lease of loader.leases({ inFlight: 2 })) {
      expect(lease.batch.origin.map(({ index }) => index)).toEqual(Array.from(lease.batch.data));
      if (held.length === 0) {
        expect(loader.receipt().sources).toEqual([]);
        held.push(lease);
        lease.ack();
        expect(loader.receipt().sources).toEqual([{ source: 0, pass: 0, samples: 2, tokens: 0 }]);
      } else lease.ack();
    }
    const receipt = loader.receipt();
    loader.loadStateDict(loader.stateDict());
    expect(receipt.sources).toEqual([{ source: 0, pass: 0, samples: 6, tokens: 0 }]);
    expect(loader.receipt().sources).toEqual([]);
  });

  it('counts the passes of a source from the thousandth on as one, so that sums stay bounded', async () => {
    const mixture = new MixtureDataset([range(1), range(3)], { weights: [1, 1], length: 2_500 });
    const loader = new DataLoader(mixture, { batchSize: 500, provenance: true });
    await collect(loader);
    const { sources } = loader.stats();
    expect(sources).toHaveLength(1_000 + Math.ceil(1_250 / 3));
    expect(sources[999]).toEqual({ source: 0, pass: 999, samples: 251, tokens: 0 });
  });

  it('is absent when it is off, and refused where it cannot be', async () => {
    const off = new DataLoader(range(4), { batchSize: 2 });
    for await (const batch of off) expect('origin' in batch).toBe(false);
    expect(off.stats().sources).toEqual([]);
    expect(off.receipt()).not.toHaveProperty('sources');
    const stream = { iterate: () => [1, 2] };
    expect(() => new DataLoader(stream as never, { provenance: true })).toThrow(ConfigError);
    const frozen = new DataLoader(range(4), { provenance: true, collate: () => Object.freeze({}) });
    await expect(collect(frozen)).rejects.toThrow(CollateError);
    const taken = new DataLoader(range(4), { provenance: true, collate: () => ({ origin: 1 }) });
    await expect(collect(taken)).rejects.toThrow(/provenance: would hide the field origin/);
  });
});
