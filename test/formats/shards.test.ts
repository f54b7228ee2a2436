import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DataLoader, type Dataset, MillraceError, type SampleContext, type Tensor } from 'millrace';
import { MdsDataset, WebDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { ObjectServer } from '../storage/object-server.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const context = {} as SampleContext;
const shards = fixture('shard-{000..002}.tar');

describe('WebDataset', () => {
  it('gives the samples of ustar, pax and GNU archives, decoded by their endings', async () => {
    const dataset = await WebDataset.open(shards);
    expect(dataset.shardLengths).toEqual([4, 4, 4]);
    for (let index = 11; index >= 0; index--) {
      const [shard, i] = [Math.floor(index / 4), index % 4];
      const sample = await dataset.get(index);
      const long = `${'a-folder-with-a-long-name/'.repeat(6)}sample-ü${shard}`;
      expect(sample.__key__).toBe(i === 3 && shard > 0 ? long : `${shard}/000${i}`);
      expect(sample).toMatchObject({ json: { shard, i }, txt: `text ${i} – ü`, cls: i });
      const embedding = sample['emb.npy'] as Tensor;
      expect([embedding.dtype, embedding.shape, [...(embedding.data as Float32Array)]]).toEqual([
        'float32',
        [i + 1],
        Array.from({ length: i + 1 }, (_, k) => k),
      ]);
      expect(sample.bin).toEqual(Uint8Array.from({ length: i }, (_, k) => k));
    }
  });

  it('reads the requested files, decoded or raw, and says what is missing', async () => {
    const chosen = await WebDataset.open(shards, { columns: ['cls'], decode: false });
    expect(await chosen.get(2)).toEqual({ __key__: '0/0002', cls: Uint8Array.of(50) });
    await expect(WebDataset.open(shards, { columns: ['jpg'] })).rejects.toThrow(
      /no ending jpg; there are json, txt, cls/,
    );
  });

  it('is the same in workers, over HTTP, and as a stream that is resumed anywhere', async () => {
    const server = await new ObjectServer().start();
    for (const k of [0, 1, 2]) server.put(`/shard-00${k}.tar`, readFileSync(fixture(`shard-00${k}.tar`)));
    const url = `${server.origin}/shard-{000..002}.tar`;
    const options = { columns: ['cls', 'txt'] };
    const seen: unknown[] = [];
    for (const [files, numWorkers] of [
      [shards, 0],
      [shards, 2],
      [url, 0],
      [url, 2],
    ] as const) {
      await using loader = new DataLoader(await WebDataset.open(files, options), {
        batchSize: 5,
        shuffle: true,
        numWorkers,
      });
      const batches: unknown[] = [];
      for await (const batch of loader) batches.push(batch);
      seen.push(batches);
    }
    for (const other of seen) expect(other).toEqual(seen[0]);
    const whole: unknown[] = [];
    for await (const batch of new DataLoader(await WebDataset.stream(url, options), { batchSize: 3 }))
      whole.push(batch);
    expect(whole).toHaveLength(6);
    for (let cut = 0; cut <= whole.length; cut++) {
      await using first = new DataLoader(await WebDataset.stream(shards, options), {
        batchSize: 3,
        numWorkers: 1,
      });
      const found: unknown[] = [];
      if (cut > 0) for await (const batch of first) if (found.push(batch) === cut) break;
      const stream = await WebDataset.stream(url, options);
      await using second = new DataLoader(stream, { batchSize: 3, elastic: true });
      second.loadStateDict(first.stateDict());
      if (cut < whole.length) for await (const batch of second) found.push(batch);
      expect(found).toEqual(whole);
    }
    await server.stop();
  });

  it('refuses an archive that is cut short or damaged in a header, wherever', async () => {
    const bytes = readFileSync(fixture('shard-001.tar'));
    const last = 4 * 12 * 512;
    for (let length = 0; length < last; length += 300) {
      const opening = WebDataset.open(new MemorySource(bytes.subarray(0, length), 'short.tar'));
      await expect(opening).rejects.toThrow(/is cut short.*short\.tar, byte offset/);
    }
    for (let at = 0; at < bytes.length; at += searchSize({ short: 149, long: 37 })) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 1 << (at % 8);
      try {
        const dataset: Dataset<unknown> = await WebDataset.open(new MemorySource(damaged, 'damaged.tar'));
        for (let index = 0; index < dataset.length; index++) await dataset.get(index, context);
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
      }
    }
    const header = Uint8Array.from(bytes);
    header[5]! ^= 1;
    await expect(WebDataset.open(new MemorySource(header, 'header.tar'))).rejects.toThrow(
      /a header does not match its checksum.*header\.tar, byte offset 0/,
    );
  });
});

describe.each(['mds', 'mds-zstd'])("MdsDataset of MosaicML's writer: %s", (folder) => {
  it('gives the samples that were written', async () => {
    const dataset = await MdsDataset.open(fixture(folder));
    expect(dataset.length).toBe(12);
    expect(dataset.shardLengths.length).toBeGreaterThan(3);
    for (let i = 11; i >= 0; i--) {
      const sample = await dataset.get(i);
      const { tokens, ids, grid, ...rest } = sample as Record<string, Tensor>;
      expect(rest).toEqual({
        id: BigInt(i),
        text: `text ${i} – ü`.repeat(i % 3),
        score: i / 4,
        data: Uint8Array.from({ length: i % 5 }, (_, k) => k),
        meta: { i, tags: Array.from({ length: i % 3 }, () => 'a') },
        count: 10n ** BigInt(i),
        half: i / 8,
        flag: i % 2,
      });
      expect([tokens!.dtype, tokens!.shape, [...(tokens!.data as Uint16Array)]]).toEqual([
        'uint16',
        [i + 1],
        Array.from({ length: i + 1 }, (_, k) => k),
      ]);
      expect([ids!.dtype, ids!.shape, ids!.data]).toEqual([
        'int32',
        [2, 3],
        Int32Array.from([0, 1, 2, 3, 4, 5], (k) => k + i),
      ]);
      expect([grid!.shape, grid!.data]).toEqual([[2, 3], new Float32Array(6).fill(i / 2)]);
    }
  });

  it('chooses columns, goes into workers, and names what is wrong', async () => {
    const seen: unknown[] = [];
    for (const numWorkers of [0, 2]) {
      const dataset = await MdsDataset.open(fixture(`${folder}/index.json`), { columns: ['grid', 'id'] });
      await using loader = new DataLoader(dataset, { batchSize: 4, shuffle: true, numWorkers });
      const batches: unknown[] = [];
      for await (const batch of loader) batches.push(batch);
      seen.push(batches);
    }
    expect(seen[1]).toEqual(seen[0]);
    await expect(MdsDataset.open(fixture(folder), { columns: ['x'] })).rejects.toThrow(
      /no column x; there are count, data/,
    );
    await expect(MdsDataset.open(fixture('images'))).rejects.toThrow(/no such file.*index\.json/);
  });

  it('never gives wrong data for a damaged shard where the format can tell', async () => {
    const server = await new ObjectServer().start();
    const index = readFileSync(fixture(`${folder}/index.json`));
    const { shards: listed } = JSON.parse(index.toString()) as {
      shards: { raw_data: { basename: string }; zip_data?: { basename: string } }[];
    };
    const names = listed.map(({ raw_data, zip_data }) => (zip_data ?? raw_data).basename);
    server.put('/index.json', index);
    for (const name of names) server.put(`/${name}`, readFileSync(fixture(`${folder}/${name}`)));
    const bytes = readFileSync(fixture(`${folder}/${names[0]}`));
    for (let at = 0; at < bytes.length; at += searchSize({ short: 53, long: 13 })) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 1 << (at % 8);
      server.put(`/${names[0]}`, damaged);
      try {
        const dataset: Dataset<unknown> = await MdsDataset.open(server.origin);
        for (let k = 0; k < dataset.length; k++) await dataset.get(k, context);
        // Compressed shards have checksums that are looked at.
        expect(folder).toBe('mds');
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
      }
    }
    server.put(`/${names[0]}`, bytes.subarray(0, -1));
    const cut = await MdsDataset.open(server.origin);
    await expect(async () => cut.get(0)).rejects.toThrow(/is cut short: needed/);
    await server.stop();
  });
});
