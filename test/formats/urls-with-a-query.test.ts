// Presigned URLs, ?download=1 of data portals, tokens of a container: the path says the format, the query goes along.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SampleContext } from 'millrace';
import {
  CsvDataset,
  IndexedDatasetBuilder,
  MdsDataset,
  openDataset,
  RemoteIndexedDataset,
} from 'millrace/formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ObjectServer } from '../storage/object-server.js';

const context = {} as SampleContext;
const fixtures = fileURLToPath(new URL('../fixtures/formats/', import.meta.url));
const query = '?X-Amz-Signature=abc%2Fdef&download=1';
const server = new ObjectServer();
let folder = '';

beforeAll(async () => {
  await server.start();
  folder = mkdtempSync(join(tmpdir(), 'millrace-query-'));
  // The server refuses requests without the query.
  server.onRequest = ({ url }, response) => {
    if (url!.endsWith(query)) return false;
    response.writeHead(403).end();
    return true;
  };
  for (const name of readdirSync(fixtures, { recursive: true, withFileTypes: true }))
    if (name.isFile()) {
      const path = join(name.parentPath, name.name);
      server.put(`/${path.slice(fixtures.length)}`, readFileSync(path));
    }
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const options = () => ({ retries: 0, cache: { folder: join(folder, 'cache') } });
const urlOf = (name: string) => `${server.origin}/${name}${query}`;

describe('a URL with a query', () => {
  it.each([
    'rows.jsonl.gz',
    'rows.jsonl.zst',
    'table.csv',
    'table-snappy.parquet',
    'table.arrow',
    'table-zstd.feather',
    'shard-000.tar',
    'float32.npy',
    'arrays.npz',
    'arrays.safetensors',
    'mds/index.json',
  ])('is opened as the file is: %s', async (name) => {
    const local = await openDataset(join(fixtures, name), { cache: options().cache });
    const remote = await openDataset(urlOf(name), options());
    expect([remote.format, remote.dataset.length]).toEqual([local.format, local.dataset.length]);
    expect(await remote.dataset.get(0, context)).toEqual(await local.dataset.get(0, context));
    await remote.dataset.close?.();
    await local.dataset.close?.();
  });

  it('is put to each file of several', async () => {
    const builder = new IndexedDatasetBuilder(join(folder, 'tokens'), { dtype: 'uint16' });
    builder.addItem([1, 2, 3]);
    builder.finalize();
    for (const ending of ['.bin', '.idx'])
      server.put(`/tokens${ending}`, readFileSync(join(folder, `tokens${ending}`)));
    for (const name of ['tokens', 'tokens.bin', 'tokens.idx']) {
      const tokens = await RemoteIndexedDataset.open(urlOf(name), options());
      expect(tokens.sizes).toEqual(Int32Array.of(3));
      tokens.close();
      const { format, dataset } = await openDataset(urlOf(name), options());
      expect([format, dataset.length]).toEqual(['indexed', 1]);
      await dataset.close?.();
    }
    const mds = await MdsDataset.open(urlOf('mds'), options());
    expect(mds.length).toBeGreaterThan(0);
    mds.close();
  });

  it('may have several in one, written out', async () => {
    const { dataset } = await openDataset(urlOf('shard-{000..002}.tar'), options());
    expect(dataset.shardLengths).toEqual([4, 4, 4]);
    await dataset.close?.();
  });

  it('says no format itself: .tsv and .gz count in the path alone', async () => {
    server.put('/t.tsv', Buffer.from('a\tb\n1\t2\n'));
    const table = await CsvDataset.open(urlOf('t.tsv'), options());
    expect(table.columns.map(({ name }) => name)).toEqual(['a', 'b']);
    table.close();
    server.onRequest = undefined;
    server.put('/plain.jsonl', Buffer.from('{"a":1}\n'));
    const { format, dataset } = await openDataset(`${server.origin}/plain.jsonl?name=x.csv.gz`, options());
    expect([format, await dataset.get(0, context)]).toEqual(['jsonl', { a: 1 }]);
  });
});
