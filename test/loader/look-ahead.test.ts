// Data behind a server that counts, and holds back its answers until the test releases them: what is prefetched, and how much.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ArrayDataset,
  ConcatDataset,
  DataLoader,
  type Dataset,
  MapDataset,
  type SampleContext,
  Subset,
} from 'millrace';
import { openDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';
import { aSecondAgo, RemoteRows, type Row, settle, until } from './remote-rows.js';

const fileCount = 40;
const far = new RemoteRows(fileCount);
const { rowsPerFile, server } = far;
const asked = () => far.asked();

describe('a loader of remote data', () => {
  it.each([0, 1])(
    'has files fetched in the order in which they come, before they are needed, with %i workers',
    async (numWorkers) => {
      const dataset = await far.openFresh();
      const ahead = 5;
      const loader = new DataLoader(dataset, {
        batchSize: rowsPerFile,
        shuffle: 'shards',
        seed: 5,
        numWorkers,
        ...(numWorkers > 0 && { prefetchFactor: 1 }),
        prefetchBytes: ahead * far.fileBytes,
        collate: (rows: readonly Row[]) => rows,
      });
      const order = Array.from(loader.order({ epoch: 0, step: 0 }), ({ indices }) =>
        Array.from(indices, (index) => Math.floor(index / rowsPerFile)),
      );
      let batch = 0;
      for await (const rows of loader) {
        expect(rows.map(({ file }) => file)).toEqual(order[batch]);
        // While this batch is trained on, what the next ones need has been asked for, and what lies further away has not.
        const needed = [...new Set(order.slice(0, batch + 1 + numWorkers).flat())];
        const known = [...new Set(order.flat())];
        const wanted = known.slice(0, Math.min(fileCount, needed.length + ahead));
        await until(() => wanted.every((file) => asked().includes(file)) || asked().length >= fileCount);
        await settle();
        // A batch may need several new files: the last that was asked for may go over the bound by those.
        expect(new Set(asked()).size).toBeLessThanOrEqual(needed.length + ahead + rowsPerFile);
        batch += 1;
      }
      // Each file once, whether the prefetch or a batch needed it.
      expect(asked().sort((a, b) => a - b)).toEqual(Array.from({ length: fileCount }, (_, k) => k));
      await loader.close();
      dataset.close();
    },
  );

  it('never has more than 64 MiB under way ahead, here 8 blocks, and waits for no more than it needs', async () => {
    const dataset = await far.openFresh();
    const { answer, release } = far.hold();
    const sorted = () => asked().sort((a, b) => a - b);
    const loader = new DataLoader(dataset, {
      batchSize: rowsPerFile,
      collate: (rows: readonly Row[]) => rows,
    });
    const iteration = loader[Symbol.asyncIterator]();
    const first = iteration.next();
    await until(() => asked().length >= 8);
    await settle();
    expect(sorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // Only the first file comes: its batch is there at once, and one more is requested.
    answer(0);
    expect((await first).value?.[0]).toMatchObject({ file: 0, row: 0 });
    const second = iteration.next();
    await until(() => asked().length >= 9);
    await settle();
    expect(sorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    release();
    expect((await second).value?.[0]).toMatchObject({ file: 1, row: 0 });
    for (let file = 2; file < fileCount; file++)
      expect((await iteration.next()).value?.[0]).toMatchObject({ file, row: 0 });
    expect(asked()).toHaveLength(fileCount);
    await loader.close();
    dataset.close();
  });

  it('fetches nothing ahead if prefetching is off', async () => {
    const dataset = await far.openFresh();
    const options = { batchSize: rowsPerFile, prefetchBytes: 0, collate: (rows: readonly Row[]) => rows };
    const loader = new DataLoader(dataset, options);
    let batch = 0;
    for await (const _ of loader) {
      await settle();
      expect(asked()).toEqual(Array.from({ length: ++batch }, (_, file) => file));
    }
    await loader.close();
    dataset.close();
  });

  it('looks through the datasets that are made of it, and resumes exactly', async () => {
    const dataset = await far.openFresh();
    const rows = new Subset<Row>(
      new ConcatDataset<Row>([new ArrayDataset<Row>([{ file: -1, row: -1 }]), dataset]),
      Array.from({ length: dataset.length + 1 }, (_, k) => dataset.length - k),
    );
    const mapped: Dataset<string> = new MapDataset(rows, ({ file, row }: Row) => `${file}/${row}`);
    const options = {
      batchSize: 8,
      shuffle: true,
      seed: 2,
      collate: (names: readonly string[]) => names,
    } as const;
    const whole: (readonly string[])[] = [];
    for await (const names of new DataLoader(mapped, { ...options, prefetchBytes: 0 })) whole.push(names);
    const loader = new DataLoader(mapped, options);
    const seen: (readonly string[])[] = [];
    for await (const names of loader) {
      seen.push(names);
      if (seen.length % 7 !== 0) continue;
      const other = new DataLoader(mapped, options);
      other.loadStateDict(loader.stateDict());
      const rest: (readonly string[])[] = [];
      for await (const names of other) rest.push(names);
      expect([...seen, ...rest]).toEqual(whole);
    }
    expect(seen).toEqual(whole);
    dataset.close();
  });

  it('delivers the batches before a sampler fails', async () => {
    const dataset = await far.openFresh();
    const sampler = {
      length: 24,
      seek() {},
      *[Symbol.iterator]() {
        for (let k = 0; k < 16; k++) yield k;
        throw new Error('out of indices');
      },
    };
    const loader = new DataLoader(dataset, {
      sampler,
      batchSize: 4,
      collate: (rows: readonly Row[]) => rows,
    });
    let batches = 0;
    const iterate = async () => {
      for await (const _ of loader) batches += 1;
    };
    await expect(iterate()).rejects.toThrow('out of indices');
    expect(batches).toBe(4);
    dataset.close();
  });
});

describe('prefetch', () => {
  it.each([
    'table-zstd.parquet',
    'table-none.parquet',
    'table.arrow',
    'shard-000.tar',
    'table.csv',
    'arrays.safetensors',
    'float32.npy',
  ])('of a sample of %s brings all that it needs', async (name) => {
    const bytes = readFileSync(new URL(`../fixtures/formats/${name}`, import.meta.url));
    const url = server.put(`/${name}`, bytes);
    const { dataset } = await aSecondAgo(() => openDataset(url, { cache: { folder: far.folder } }));
    const last = dataset.length - 1;
    for (const entry of readdirSync(far.folder)) rmSync(join(far.folder, entry), { recursive: true });
    server.requests.length = 0;
    expect(dataset.prefetch!([last], 0)).toBe(bytes.length);
    // What was asked for already is not counted again.
    expect(dataset.prefetch!([last, 0], 0)).toBe(0);
    // Where nothing is needed something might be later: only data of this machine says that nothing comes remotely.
    expect(dataset.prefetch!([], 0)).toBe(0);
    await until(() =>
      readdirSync(far.folder, { recursive: true }).some((entry) => /[0-9a-f]{40}$/.test(String(entry))),
    );
    expect(server.requests).toHaveLength(1);
    await dataset.get(last, {} as SampleContext);
    expect(server.requests).toHaveLength(1);
    await dataset.close?.();
    const local = await openDataset(fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url)));
    expect(local.dataset.prefetch!([last], 0)).toBeUndefined();
    await local.dataset.close?.();
  });
});
