// Datasets made of remote ones: their data is prefetched too, and prefetching changes no sample.
import fc from 'fast-check';
import {
  ArrayDataset,
  ConcatDataset,
  DataLoader,
  type Dataset,
  MapDataset,
  MixtureDataset,
  StackDataset,
  Subset,
} from 'millrace';
import { PackedDataset } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { RemoteRows, type Row, settle, until } from './remote-rows.js';

const far = new RemoteRows(24);
const { rowsPerFile } = far;
/** Blocks that are under way at once. */
const underWay = 8;
/** Batches that are drawn when one is requested: this one, and those that follow. */
const drawn = 9;

/** Tokens of each document: what fits together in a row, what fills one alone, and what is longer. */
const lengthOf = ({ file, row }: Row) => [5, 2, 3, 10, 1, 4, 23, 0][(file + row) % 8]!;
const tokensOf = (row: Row) =>
  Int32Array.from({ length: lengthOf(row) }, (_, k) => (row.file * rowsPerFile + row.row) * 100 + k);

function packed(rows: Dataset<Row>, first: number, seed: number): PackedDataset {
  const lengths = Array.from({ length: rows.length }, (_, index) => lengthOf(rowOf(first, index)));
  return new PackedDataset(new MapDataset(rows, tokensOf), { rowLength: 10, lengths, seed });
}

/** The row at `index` of the files from `first` on. */
const rowOf = (first: number, index: number): Row => ({
  file: first + Math.floor(index / rowsPerFile),
  row: index % rowsPerFile,
});

const here = new ArrayDataset<Row>(Array.from({ length: 16 }, (_, row) => ({ file: -1, row })));
const asIs = (samples: readonly unknown[]) => samples;

/** How a dataset is made, and which of the remote files a sample of it needs, in the order in which it reads them. */
interface Made {
  readonly dataset: Dataset<unknown>;
  needs(index: number, epoch: number): readonly number[];
}

const made: Readonly<Record<string, () => Promise<Made>>> = {
  'a PackedDataset': async () => {
    const dataset = packed(await far.openFresh(), 0, 3);
    const needs = (row: number, epoch: number) =>
      dataset.piecesOf(row, epoch).map(({ document }) => rowOf(0, document).file);
    return { dataset, needs };
  },
  'a MixtureDataset': async () => {
    const sources = [await far.openFresh(0, 12), here, await far.openFresh(12, 24)];
    const dataset = new MixtureDataset(sources, { weights: [2, 3, 1], seed: 4 });
    const needs = (place: number, epoch: number) => {
      const { source, index } = dataset.originOf(place, epoch);
      return source === 1 ? [] : [rowOf(source === 0 ? 0 : 12, index).file];
    };
    return { dataset, needs };
  },
  'a Subset of a MixtureDataset of packed rows': async () => {
    const sources = [packed(await far.openFresh(0, 12), 0, 5), packed(await far.openFresh(12, 24), 12, 6)];
    const mixture = new MixtureDataset<unknown>(sources, { weights: [1, 1], seed: 7 });
    const indices = Array.from({ length: mixture.length }, (_, k) => mixture.length - 1 - k);
    const needs = (place: number, epoch: number) => {
      const { source, index } = mixture.originOf(indices[place]!, epoch);
      // What a source gives in an epoch of the loader is a row of that epoch.
      const pieces = sources[source]!.piecesOf(index, epoch);
      return pieces.map(({ document }) => rowOf(12 * source, document).file);
    };
    return { dataset: new Subset(mixture, indices), needs };
  },
  'a StackDataset': async () => {
    const columns = { a: await far.openFresh(0, 12), b: await far.openFresh(12, 24) };
    const needs = (index: number) => [rowOf(0, index).file, rowOf(12, index).file];
    return { dataset: new StackDataset(columns), needs };
  },
  'a ConcatDataset that begins on this machine': async () => {
    const first = new Subset(here, [0, 1, 2]);
    const dataset = new ConcatDataset<Row>([first, await far.openFresh()]);
    const needs = (index: number) => (index < 3 ? [] : [rowOf(0, index - 3).file]);
    return { dataset, needs };
  },
};

describe.each(Object.keys(made))('%s', (name) => {
  it.each([0, 1])(
    'has what later batches need asked for while the first one waits, in epoch %i',
    async (epoch) => {
      const { dataset, needs } = await made[name]!();
      const loader = new DataLoader(dataset, { batchSize: 1, collate: asIs });
      loader.setEpoch(epoch);
      const known = Array.from({ length: drawn }, (_, index) => needs(index, epoch)).flat();
      const wanted = [...new Set(known)].slice(0, underWay);
      expect(wanted.length).toBeGreaterThan(new Set(needs(0, epoch)).size);
      const { release } = far.hold();
      const iteration = loader[Symbol.asyncIterator]();
      const first = iteration.next();
      await until(() => wanted.every((file) => far.asked().includes(file)));
      await settle();
      expect(new Set(far.asked())).toEqual(new Set(wanted));
      release();
      await first;
      for (let next = await iteration.next(); !next.done; ) next = await iteration.next();
      // Each file once, whether the look-ahead or a batch needed it.
      const all = Array.from({ length: dataset.length }, (_, index) => needs(index, epoch)).flat();
      expect(far.asked().sort()).toEqual([...new Set(all)].sort());
      await loader.close();
      await dataset.close?.();
    },
  );

  it('counts every byte that it asks for once', async () => {
    const { dataset, needs } = await made[name]!();
    const asked = new Set<number>();
    for (let index = 0; index < dataset.length; index++) {
      const news = new Set(needs(index, 1).filter((file) => !asked.has(file)));
      expect(dataset.prefetch!([index], 1)).toBe(news.size * far.fileBytes);
      for (const file of news) asked.add(file);
    }
    // All of it is read, so that nothing is under way any more.
    const loader = new DataLoader(dataset, { collate: asIs, prefetchBytes: 0 });
    loader.setEpoch(1);
    for await (const _ of loader);
    await dataset.close?.();
  });
});

/** Ways to compose datasets. */
type Plan =
  | { readonly kind: 'here' }
  | { readonly kind: 'far' | 'packed'; readonly first: number; readonly files: number }
  | { readonly kind: 'concat' | 'stack' | 'mixture'; readonly parts: readonly Plan[]; readonly seed: number }
  | { readonly kind: 'subset'; readonly part: Plan; readonly every: number }
  | { readonly kind: 'map'; readonly part: Plan };

const leaf = fc.oneof(
  fc.record({ kind: fc.constant('here' as const) }),
  fc.record({
    kind: fc.constantFrom('far' as const, 'packed' as const),
    first: fc.nat(21),
    files: fc.integer({ min: 1, max: 3 }),
  }),
);
const { plan } = fc.letrec<{ plan: Plan; parts: Plan[] }>((tie) => ({
  parts: fc.array(tie('plan'), { minLength: 1, maxLength: 3 }),
  plan: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({
      kind: fc.constantFrom('concat' as const, 'stack' as const, 'mixture' as const),
      parts: tie('parts'),
      seed: fc.nat(),
    }),
    fc.record({
      kind: fc.constant('subset' as const),
      part: tie('plan'),
      every: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ kind: fc.constant('map' as const), part: tie('plan') }),
  ),
}));

async function make(of: Plan): Promise<Dataset<unknown>> {
  switch (of.kind) {
    case 'here':
      return here;
    case 'far':
      return far.openFresh(of.first, of.first + of.files);
    case 'packed':
      return packed(await far.openFresh(of.first, of.first + of.files), of.first, of.files);
    case 'subset': {
      const part = await make(of.part);
      const kept = Math.ceil(part.length / of.every);
      return new Subset(
        part,
        Array.from({ length: kept }, (_, k) => part.length - 1 - k * of.every),
      );
    }
    case 'map':
      return new MapDataset(await make(of.part), (sample) => ({ sample }));
    default: {
      const parts: Dataset<unknown>[] = [];
      for (const part of of.parts) parts.push(await make(part));
      if (of.kind === 'concat') return new ConcatDataset(parts);
      if (of.kind === 'stack') {
        const length = Math.min(...parts.map((part) => part.length));
        return new StackDataset(
          ...parts.map(
            (part) =>
              new Subset(
                part,
                Array.from({ length }, (_, k) => k),
              ),
          ),
        );
      }
      return new MixtureDataset(parts, { weights: parts.map((_, k) => k + 1), seed: of.seed });
    }
  }
}

const options = fc.record({
  batchSize: fc.integer({ min: 1, max: 9 }),
  shuffle: fc.boolean(),
  seed: fc.nat(),
  dropLast: fc.boolean(),
});
const bounds = fc.oneof(
  fc.integer({ min: 1, max: 10 }),
  fc.integer({ min: 1_000, max: 100_000 }),
  fc.constant(2 ** 28),
);

it('looking ahead changes no sample, whatever the datasets are made of, and asks for no file twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      plan,
      options,
      bounds,
      fc.nat(2),
      fc.nat(3),
      async (of, how, prefetchBytes, epoch, batch) => {
        const read = async (bytesAhead: number) => {
          const dataset = await make(of);
          const dropLast = how.dropLast && how.batchSize <= dataset.length;
          const loader = new DataLoader(dataset, {
            ...how,
            dropLast,
            prefetchBytes: bytesAhead,
            collate: asIs,
          });
          loader.seek({ epoch, step: Math.min(batch, loader.length) });
          const batches: unknown[] = [];
          for await (const samples of loader) batches.push(samples);
          const asked = far.asked().sort();
          await loader.close();
          await dataset.close?.();
          return { batches, asked };
        };
        const plain = await read(0);
        expect(await read(prefetchBytes)).toEqual(plain);
        expect(new Set(plain.asked).size).toBe(plain.asked.length);
      },
    ),
    { numRuns: searchSize({ short: 15, long: 40 }) },
  );
});

it('a mixture in workers finds in the cache what this thread had fetched', async () => {
  const { dataset, needs } = await made['a MixtureDataset']!();
  const loader = new DataLoader(dataset, { batchSize: 4, numWorkers: 2, prefetchFactor: 1, collate: asIs });
  const rows: unknown[] = [];
  for await (const batch of loader) rows.push(...batch);
  expect(rows).toHaveLength(dataset.length);
  const all = Array.from({ length: dataset.length }, (_, index) => needs(index, 0)).flat();
  expect(far.asked().sort()).toEqual([...new Set(all)].sort());
  await loader.close();
  await dataset.close?.();
});
